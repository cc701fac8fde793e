/** The database of a rehearsed upgrade: of the previous release, with users, behind a pooler and with a replica if wanted. */
import { multiplyUsers } from '../../../bench/seed/multiply.ts';
import { addCookieSessions, addTokenSessions, addUsers, type BenchUser } from '../../../bench/support/users.ts';
import type { Settings } from '../../../e2e/support/program.ts';
import { makeDirectory, settingsOf, startServer } from '../../../e2e/support/server.ts';
import { type SmtpSink, startSmtpSink } from '../../../e2e/support/smtp-sink.ts';
import type { Statement } from '../../../packages/server/src/platform/database/index.ts';
import { connectDirectly } from '../../../packages/server/test/support/direct-connection.ts';
import { startPgBouncer } from '../../../packages/server/test/support/pgbouncer.ts';
import { type PostgresCluster, startPostgres } from '../../../packages/server/test/support/postgres-cluster.ts';
import { findMisfits } from '../../../packages/server/test/support/statement-misfits.ts';
import { lockLogging } from './migration-locks.ts';
import type { NodeOptions } from './rolling-nodes.ts';
import type { TrafficOptions } from './steady-traffic.ts';

export interface UpgradeDatabase extends NodeOptions, AsyncDisposable {
  readonly cluster: PostgresCluster;
  /** Past the pooler. */
  readonly direct: string;
  /** Of commands, which run beside the nodes. */
  readonly commandSettings: Settings;
  /** The faults that the statements have on the schema of their own release. */
  readonly misfits: ReadonlySet<string>;
  readonly emails: readonly string[];
  readonly users: number;
  readonly size: string;
  /** Begins the sessions of the load on a node. */
  logIn(url: string): Promise<Pick<TrafficOptions, 'users' | 'sessions' | 'cookies' | 'sink'>>;
}

export interface UpgradeDatabaseOptions {
  readonly checkout: string;
  readonly statements: readonly Statement[];
  readonly users: number;
  readonly pooler: boolean;
  readonly replica: boolean;
}

/** No divisor of it divides 100, the cycle of the load: its logins are distributed over all of them. */
const firstUsers = 199;
const sessionsOfEach = 2;
const publicUrl = 'http://localhost:5625';
/** The database is built once and then measured. */
const settings = { ...lockLogging, shared_buffers: '2GB', max_wal_size: '8GB', checkpoint_timeout: '30min' };

export async function prepareDatabase(options: UpgradeDatabaseOptions): Promise<UpgradeDatabase> {
  const resources = new AsyncDisposableStack();
  const cluster = await startPostgres({ durable: true, settings });
  resources.defer(() => cluster.stop());
  const sink = await startSmtpSink();
  resources.defer(() => sink.close());
  const direct = cluster.url('postgres');
  const people = await seed(direct, options);
  const { database, env } = await provideServers(cluster, options, resources);
  return {
    cluster,
    direct,
    database,
    env,
    smtpUrl: sink.url,
    commandSettings: settingsOf({ database: direct, publicUrl, smtpUrl: sink.url }, makeDirectory(), 0),
    misfits: await findMisfits(direct, options.statements),
    emails: people.map(({ email }) => email),
    users: await count(direct),
    size: await sizeOf(direct),
    logIn: (url) => logIn(url, people, sink),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** The first users register on a node of the previous release, which has an inbox; the others are copies of them. */
async function seed(direct: string, { checkout, users }: UpgradeDatabaseOptions): Promise<readonly BenchUser[]> {
  const server = await startServer({ database: direct, publicUrl, checkout });
  const [port, opsPort] = [Number(new URL(server.url).port), Number(new URL(server.opsUrl).port)];
  const people = await addUsers({ port, opsPort }, Math.min(users, firstUsers));
  await addTokenSessions({ port, opsPort }, people, people.length * sessionsOfEach);
  const code = await server.stop();
  if (code !== 0) throw new Error(`the first node exited with ${code}`);
  const times = Math.ceil(users / firstUsers);
  if (times > 1) await multiplyUsers(direct, times, printProgress(times));
  return people;
}

/** Large tables take minutes. */
function printProgress(times: number) {
  const isLong = times > 1000;
  return (table: string, rows: number, seconds: number) => {
    if (isLong) console.log(`${table.padEnd(20)} ${String(rows).padStart(9)} rows, ${seconds.toFixed(0)} s`);
  };
}

async function provideServers(
  cluster: PostgresCluster,
  { pooler, replica }: UpgradeDatabaseOptions,
  resources: AsyncDisposableStack,
): Promise<{ readonly database: string; readonly env: Settings }> {
  const through = async (target: PostgresCluster) => {
    const port = Number(new URL(target.adminUrl).port);
    if (!pooler) return target.url('postgres');
    const bouncer = resources.use(await startPgBouncer(port));
    return `postgres://latchkey@127.0.0.1:${bouncer.port}/postgres`;
  };
  const direct = cluster.url('postgres');
  // Behind a pooler in transaction mode, timeouts are properties of the role.
  if (pooler) await run(direct, `alter role latchkey set statement_timeout = '1s'`);
  const database = await through(cluster);
  const poolerSettings = pooler ? { DATABASE_POOLER: 'transaction', DATABASE_DIRECT_URL: direct } : {};
  if (!replica) return { database, env: poolerSettings };
  const standby = await startPostgres({ durable: true, standbyOf: cluster.adminUrl });
  resources.defer(() => standby.stop());
  return { database, env: { ...poolerSettings, DATABASE_REPLICA_URL: await through(standby) } };
}

async function logIn(url: string, users: readonly BenchUser[], sink: SmtpSink) {
  const target = { port: Number(new URL(url).port), opsPort: 0 };
  const sessions = await addTokenSessions(target, users, users.length * sessionsOfEach);
  const cookies = await addCookieSessions(target, users, users.length);
  return { users, sessions, cookies, sink };
}

async function count(url: string): Promise<number> {
  const [row] = await run<{ count: number }>(url, 'select count(*)::int4 as count from users');
  return row?.count ?? 0;
}

async function sizeOf(url: string): Promise<string> {
  const [row] = await run<{ size: string }>(url, 'select pg_size_pretty(pg_database_size(current_database())) as size');
  return row?.size ?? '';
}

async function run<T extends object>(url: string, sql: string): Promise<T[]> {
  const client = await connectDirectly(url);
  const { rows } = await client.query<T>(sql);
  await client.end();
  return rows;
}
