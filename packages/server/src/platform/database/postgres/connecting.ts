/** Makes a connection to PostgreSQL that behaves the same whatever the server's or the role's defaults are. */
import { Client, type ClientBase, type ClientConfig, types } from 'pg';
import { UnfitServer } from '../errors.ts';
import type { PostgresOptions } from '../options.ts';

/** Session settings in milliseconds, where 0 means no limit. */
export interface SessionSettings {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly synchronousCommit: boolean;
}

type Reach = Pick<PostgresOptions, 'url' | 'applicationName' | 'connectTimeoutMs' | 'pooler'>;

/** What pg needs to connect. No timeout is a start-up parameter: PgBouncer refuses those that it does not know. */
export function clientConfig(reach: Reach): ClientConfig {
  return {
    connectionString: reach.url,
    application_name: reach.applicationName,
    connectionTimeoutMillis: reach.connectTimeoutMs ?? 5000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/** How a single client is made. */
interface ClientUse {
  readonly pipeline: boolean;
  /** Whether to ask first if we can run on this server at all. */
  readonly probe: boolean;
}

/**
 * A connected client with these settings; it rejects with pg's own error, or with the probe's sentence.
 * @param onLost called when the connection goes, from its first moment on: that can be before the client is handed over.
 */
export async function connectClient(
  reach: Reach,
  settings: SessionSettings,
  use: ClientUse,
  onLost: (error: Error) => void = () => undefined,
): Promise<Client> {
  const client = new Client({ ...clientConfig(reach), pipeline: use.pipeline });
  // Without a listener the loss of an idle connection would end the process.
  client.on('error', onLost);
  try {
    await client.connect();
    // Before the settings: behind a hidden pooler they would stay with a session that others get.
    if (use.probe) await probeServer(client, reach);
    await prepareSession(client, reach, settings);
  } catch (error) {
    await client.end();
    throw error;
  }
  return client;
}

/** Makes a fresh session ours. Behind a transaction pooler the session is everybody's and stays as it is. */
export async function prepareSession(client: ClientBase, reach: Reach, settings: SessionSettings): Promise<void> {
  parseInt8AsNumber(client);
  client.setTypeParser(timestamptz, readTimestamp);
  if (reach.pooler === 'transaction') return;
  await client.query(`
    set client_encoding = 'UTF8';
    set datestyle = 'ISO';
    set timezone = 'UTC';
    set bytea_output = 'hex';
    set default_transaction_isolation = 'read committed';
    set statement_timeout = ${settings.statementTimeoutMs};
    set lock_timeout = ${settings.lockTimeoutMs};
    set idle_in_transaction_session_timeout = ${settings.idleInTransactionTimeoutMs};
    set synchronous_commit = ${settings.synchronousCommit ? 'on' : 'off'}`);
}

/**
 * Refuses, in a sentence each, a server that we cannot run on: older than 15, or behind a pooler that nobody told us of,
 * where a named statement could answer another client's row.
 */
async function probeServer(client: Client, reach: Reach): Promise<void> {
  const { rows } = await client.query<[number, string, number]>({
    text: `select current_setting('server_version_num')::int4, current_setting('server_version'), pg_backend_pid()`,
    rowMode: 'array',
  });
  const [versionNumber, version, backendPid] = rows[0] as [number, string, number];
  if (versionNumber < 150_000) {
    throw new UnfitServer(`PostgreSQL 15 or newer is needed, and this server is PostgreSQL ${version}.`);
  }
  if (reach.pooler !== 'transaction' && processIdOf(client) !== backendPid) {
    throw new UnfitServer(
      'There is a connection pooler between Latchkey and PostgreSQL: ' +
        'connect directly, or set DATABASE_POOLER=transaction and DATABASE_DIRECT_URL.',
    );
  }
}

/** The backend's process id as the server told it at the start; a pooler tells its own. */
function processIdOf(client: Client): number | null {
  return (client as Client & { processID: number | null }).processID;
}

const int8 = 20;
// The driver's type knows no number for it.
const int8s = 1016 as number as typeof int8;

/** int8 as a number, for this client only; a value beyond 2^53 is refused rather than rounded. */
export function parseInt8AsNumber(client: ClientBase): void {
  client.setTypeParser(int8, safeInteger);
  client.setTypeParser(int8s, (text) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(safeInteger)));
}

/** The number that a text of digits means. */
function safeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${text} is too large for an int8 that is read as a number`);
  return number;
}

const timestamptz = 1184;
const readAnyTimestamp = types.getTypeParser(timestamptz) as (text: string) => Date;
const plainTimestamp = /^[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00$/;
const fractionStart = '2000-01-01 00:00:00.'.length;

/** A timestamp as our sessions write it, in UTC, for 0.14 µs where the driver takes 0.37; any other as the driver does. */
export function readTimestamp(text: string): Date {
  if (!plainTimestamp.test(text)) return readAnyTimestamp(text);
  const twoDigits = (at: number) => (text.charCodeAt(at) - zero) * 10 + text.charCodeAt(at + 1) - zero;
  const milliseconds = Number(text.slice(fractionStart, -'+00'.length).slice(0, 3).padEnd(3, '0'));
  const year = twoDigits(0) * 100 + twoDigits(2);
  return new Date(
    Date.UTC(year, twoDigits(5) - 1, twoDigits(8), twoDigits(11), twoDigits(14), twoDigits(17), milliseconds),
  );
}

const zero = '0'.charCodeAt(0);

/** The same sentence for whoever connects; a server that answered and does not fit has one of its own. */
export function cannotConnect(cause: unknown): Error {
  if (cause instanceof UnfitServer) return cause;
  const reason = cause instanceof Error && cause.message !== '' ? cause.message : String(cause);
  return new Error(`Cannot connect to PostgreSQL: ${reason}`, { cause });
}
