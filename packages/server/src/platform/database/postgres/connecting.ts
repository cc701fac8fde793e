/** Opens a connection to PostgreSQL that behaves the same whatever the defaults of the server and the role are. */
import { Client, type ClientBase, type ClientConfig, types } from 'pg';
import { ReadOnlyServer, UnfitServer } from '../errors.ts';
import type { Endpoint, PostgresOptions } from '../options.ts';
import { explainTls, tlsOptions } from './tls.ts';

/** The purpose of connections. */
export type Access = 'write' | 'read';

/** Session settings in milliseconds; 0 means no limit. */
export interface SessionSettings {
  readonly statementTimeoutMs: number;
  readonly lockTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  readonly synchronousCommit: boolean;
  /** `write` rejects a session that cannot write; `read` accepts any, and makes it one. */
  readonly access: Access;
  /**
   * Whether every statement finds its rows by an index. PostgreSQL then makes no plan that reads whole tables: a session keeps
   * the plans of its prepared statements, and one that was made for a small table stays while the table grows, until
   * the next ANALYZE. A thousand refreshes per second fill a new table faster than that.
   */
  readonly lookupsOnly: boolean;
}

/** How connections to the servers of the settings are made. */
export type Reach = Pick<
  PostgresOptions,
  'server' | 'currentPassword' | 'applicationName' | 'connectTimeoutMs' | 'pooler'
>;

export const defaultConnectTimeoutMs = 5000;

/**
 * The connection settings of pg. No timeout is a startup parameter: PgBouncer rejects parameters that it does not know.
 */
export function clientConfig(endpoint: Endpoint, reach: Reach): ClientConfig {
  const { host, port, user, password, database, options, channelBinding } = endpoint;
  return {
    host,
    port,
    user,
    password: reach.currentPassword ?? password,
    database,
    options,
    ssl: tlsOptions(endpoint),
    enableChannelBinding: channelBinding,
    application_name: reach.applicationName,
    connectionTimeoutMillis: reach.connectTimeoutMs ?? defaultConnectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

export interface ClientUse {
  readonly pipeline: boolean;
  /** Whether to verify first that the server is supported. */
  readonly probe: boolean;
}

/**
 * Returns a connected client of this server with these settings. Rejects with pg's own error or with the probe's sentence.
 *
 * @param onLost called when the connection is lost after it was returned.
 */
export async function connectTo(
  endpoint: Endpoint,
  reach: Reach,
  settings: SessionSettings,
  use: ClientUse,
  onLost: (error: Error) => void,
): Promise<Client> {
  let early: Error | undefined;
  let isReturned = false;
  const client = new Client({ ...clientConfig(endpoint, reach), pipeline: use.pipeline });
  // Without a listener, the loss of an idle connection would end the process.
  client.on('error', (error) => {
    if (isReturned) onLost(error);
    else early ??= error;
  });
  try {
    await client.connect();
    // Before the settings: behind an undeclared pooler, they would stay with a session that other clients get.
    if (use.probe) await probeServer(client, reach);
    await prepareSession(client, reach, settings);
    if (early !== undefined) throw early;
  } catch (error) {
    await client.end();
    throw error;
  }
  isReturned = true;
  return client;
}

/** The history that a server is on: a promotion begins a new timeline. */
export interface Timeline {
  /** The identifier of the cluster, which its standbys share. */
  readonly cluster: string;
  readonly number: number;
}

/**
 * Connects to this server, and returns its timeline when it accepts writes; undefined when the server does not permit to
 * read it, as some managed services, or when the connections only read.
 *
 * @param signal ends the attempt.
 * @throws ReadOnlyServer when it does not; pg's own error when there is no connection.
 */
export async function examineServer(
  endpoint: Endpoint,
  reach: Reach,
  access: Access,
  signal: AbortSignal,
): Promise<Timeline | undefined> {
  signal.throwIfAborted();
  const client = new Client(clientConfig(endpoint, reach));
  // The query that the loss interrupts rejects.
  client.on('error', () => undefined);
  const hangUp = () => client.connection.stream.destroy();
  signal.addEventListener('abort', hangUp, { once: true });
  try {
    await client.connect();
    if (access === 'read') return undefined;
    await requireWritable(client);
    return await readTimeline(client);
  } finally {
    signal.removeEventListener('abort', hangUp);
    await client.end();
  }
}

const notPermitted: ReadonlySet<unknown> = new Set(['42501', '42883', '0A000']);

/** The name of the current segment of the log begins with the timeline; the control file has it only after a checkpoint. */
async function readTimeline(client: Client): Promise<Timeline | undefined> {
  try {
    const { rows } = await client.query<[string, string]>({
      text: `select system_identifier::pg_catalog.text, pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())
             from pg_catalog.pg_control_system()`,
      rowMode: 'array',
    });
    const [cluster, segment] = rows[0] as [string, string];
    return { cluster, number: Number.parseInt(segment.slice(0, 8), 16) };
  } catch (error) {
    if (notPermitted.has((error as { readonly code?: unknown }).code)) return undefined;
    throw error;
  }
}

/**
 * Configures a fresh session, whatever the role, the database and the server set. Behind a transaction pooler all clients
 * share the session, so it stays as it is. Functions are qualified until the path of the session is ours.
 *
 * @throws ReadOnlyServer when the session cannot write.
 */
export async function prepareSession(client: ClientBase, reach: Reach, settings: SessionSettings): Promise<void> {
  parseInt8AsNumber(client);
  client.setTypeParser(timestamptz, readTimestamp);
  const plans = settings.lookupsOnly ? 'off' : 'on';
  if (settings.access === 'write') await requireWritable(client);
  if (reach.pooler === 'transaction') return;
  // The first schema of the path is the one that migrations create tables in; an object of another schema, or a temporary
  // one, must not stand in for a table or function that a statement names.
  await client.query(`
    set client_encoding = 'UTF8';
    set datestyle = 'ISO, MDY';
    set intervalstyle = 'postgres';
    set timezone = 'UTC';
    set bytea_output = 'hex';
    set standard_conforming_strings = on;
    set default_transaction_isolation = 'read committed';
    set default_transaction_deferrable = off;
    ${settings.access === 'read' ? 'set default_transaction_read_only = on;' : ''}
    set statement_timeout = ${settings.statementTimeoutMs};
    set lock_timeout = ${settings.lockTimeoutMs};
    set idle_in_transaction_session_timeout = ${settings.idleInTransactionTimeoutMs};
    set synchronous_commit = ${settings.synchronousCommit ? 'on' : 'off'};
    set enable_seqscan = ${plans};
    set enable_hashjoin = ${plans};
    set enable_mergejoin = ${plans};
    set enable_material = ${plans};
    set jit = off;
    select pg_catalog.set_config('search_path', pg_catalog.quote_ident(current_schema()) || ', pg_temp', false)
      where current_schema() is not null`);
}

/**
 * A query and not the parameters that PostgreSQL sends at the start (`in_hot_standby`, `default_transaction_read_only`):
 * PgBouncer 1.18 does not send them.
 */
async function requireWritable(client: ClientBase): Promise<void> {
  const { rows } = await client.query<[boolean]>({
    text: `select pg_catalog.current_setting('transaction_read_only')::bool or pg_catalog.pg_is_in_recovery()`,
    rowMode: 'array',
  });
  if (rows[0]?.[0] === true) throw new ReadOnlyServer();
}

/** The properties of a server and of a session on it, before our settings. */
type Probed = [
  versionNumber: number,
  version: string,
  backendPid: number,
  encoding: string,
  dateStyle: string,
  conformingStrings: string,
];

/**
 * Throws a sentence for an unsupported server: older than 15; with another encoding than UTF-8, in which most names cannot
 * be stored; or behind an undeclared pooler, where a named statement can return rows of another client.
 */
async function probeServer(client: Client, reach: Reach): Promise<void> {
  const { rows } = await client.query<Probed>({
    text: `select pg_catalog.current_setting('server_version_num')::int4, pg_catalog.current_setting('server_version'),
             pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_encoding'),
             pg_catalog.current_setting('datestyle'), pg_catalog.current_setting('standard_conforming_strings')`,
    rowMode: 'array',
  });
  const [versionNumber, version, backendPid, encoding, dateStyle, conformingStrings] = rows[0] as Probed;
  if (versionNumber < 150_000) {
    throw new UnfitServer(`PostgreSQL 15 or newer is needed, and this server is PostgreSQL ${version}.`);
  }
  if (encoding !== 'UTF8') {
    throw new UnfitServer(
      `The database has the encoding ${encoding}, and UTF8 is needed: create a database with ` +
        '"create database … encoding \'UTF8\' template template0".',
    );
  }
  if (reach.pooler === 'transaction') return requirePooledSession(dateStyle, conformingStrings);
  if (processIdOf(client) !== backendPid) {
    throw new UnfitServer(
      'There is a connection pooler between Latchkey and PostgreSQL: ' +
        'connect directly, or set DATABASE_POOLER=transaction and DATABASE_DIRECT_URL.',
    );
  }
}

/** The settings that Latchkey makes itself where there is no pooler, and that change results. */
function requirePooledSession(dateStyle: string, conformingStrings: string): void {
  if (!dateStyle.startsWith('ISO')) {
    throw new UnfitServer(
      `Through the pooler, DateStyle is "${dateStyle}", and ISO is needed: "alter role … set datestyle = 'ISO'".`,
    );
  }
  if (conformingStrings !== 'on') {
    throw new UnfitServer(
      'Through the pooler, standard_conforming_strings is off, and on is needed: ' +
        '"alter role … set standard_conforming_strings = on".',
    );
  }
}

/** The process id of the backend, as the server sent it at the start; a pooler sends its own. */
function processIdOf(client: Client): number | null {
  return (client as Client & { processID: number | null }).processID;
}

const int8 = 20;
// The driver's type has no number for it.
const int8s = 1016 as number as typeof int8;

/** Reads int8 as a number, for this client only; throws for a value beyond 2^53 instead of rounding it. */
export function parseInt8AsNumber(client: ClientBase): void {
  client.setTypeParser(int8, safeInteger);
  client.setTypeParser(int8s, (text) => (text === '{}' ? [] : text.slice(1, -1).split(',').map(safeInteger)));
}

/** Parses a text of digits. */
function safeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`${text} is too large for an int8 that is read as a number`);
  return number;
}

const timestamptz = 1184;
const readAnyTimestamp = types.getTypeParser(timestamptz) as (text: string) => Date;
const plainTimestamp = /^[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00$/;
const fractionStart = '2000-01-01 00:00:00.'.length;

/**
 * Parses a timestamp in UTC, as our sessions write it, in 0.14 µs instead of the driver's 0.37; any other form as the
 * driver does.
 */
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

/** One sentence for every caller; an unsupported server has its own. */
export function cannotConnect(cause: unknown): Error {
  if (cause instanceof UnfitServer) return cause;
  return new Error(`Cannot connect to PostgreSQL: ${explainFailure(cause)}`, { cause });
}

/** Why a connection could not be made, for the operator. */
export function explainFailure(cause: unknown): string {
  return explainTls(cause) ?? (cause instanceof Error && cause.message !== '' ? cause.message : String(cause));
}
