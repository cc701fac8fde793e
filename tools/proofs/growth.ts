/** The same requests on databases with 1,000 and with 1,000,000 users, buffers warmed: node and PostgreSQL together use at most 1.3 times the CPU. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { multiplyUsers } from '../../bench/seed/multiply.ts';
import { load } from '../../bench/support/load.ts';
import { cpuMilliseconds } from '../../bench/support/process-cost.ts';
import { requestBytes } from '../../bench/support/requests.ts';
import {
  addCookieSessions,
  addTokenSessions,
  addUsers,
  loginRequest,
  newRegistration,
  type Tokens,
} from '../../bench/support/users.ts';
import { quantileOf } from '../../bench/support/windows.ts';
import { type RunningServer, startServer } from '../../e2e/support/server.ts';
import { maxAccessTokenLifetimeSeconds } from '../../packages/server/src/domain/clients/index.ts';
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';
import { startPostgres } from '../../packages/server/test/support/postgres-cluster.ts';
import { readNumbers } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { users, rounds, buffers } = readNumbers({ users: 1_000_000, rounds: 9, buffers: 6144 });
const limit = 1.3;
const smallUsers = 1000;
const perWindow = Math.floor(smallUsers / (rounds + 1));
const operations = ['login', 'session check, cold', 'own sessions, first check', 'refresh', 'registration'] as const;
type Operation = (typeof operations)[number];

const cluster = await startPostgres({
  settings: { shared_buffers: `${buffers}MB`, autovacuum: 'off', max_wal_size: '8GB', checkpoint_timeout: '1h' },
});
const publicUrl = 'http://localhost:5625';
const requests = await seed();
const sides = { small: await serve('small'), big: await serve('big') };
const costs = await measure();
await Promise.all(Object.values(sides).map(({ server }) => server.stop()));
await cluster.stop();
print();

/** Creates the first users through the API, and copies their database with all users that are to be added. */
async function seed() {
  await query('postgres', 'create database small');
  // The first start creates the client. To copy a million users takes longer than a usual access token lives.
  await (await startServer({ database: cluster.url('small'), publicUrl })).stop();
  await query('small', `update clients set access_token_lifetime_seconds = ${maxAccessTokenLifetimeSeconds}`);
  const server = await startServer({ database: cluster.url('small'), publicUrl });
  const target = { port: portOf(server), opsPort: Number(new URL(server.opsUrl).port) };
  const people = await addUsers(target, smallUsers);
  const cookies = await addCookieSessions(target, people, smallUsers);
  const sessions = await addTokenSessions(target, people, smallUsers);
  await server.stop();
  await query('postgres', 'create database big template small');
  const times = Math.ceil(users / smallUsers);
  await multiplyUsers(cluster.url('big'), times, (table, rows, seconds) =>
    console.log(`${table.padEnd(20)} ${String(rows).padStart(9)} rows, ${seconds.toFixed(0)} s`),
  );
  for (const database of ['small', 'big']) await warm(database);
  const [size] = await query<{ size: string }>(
    'big',
    'select pg_size_pretty(pg_database_size(current_database())) as size',
  );
  console.log(`${smallUsers * times} users: ${size?.size}`);
  const check = (token: Tokens, path: string) => requestBytes('GET', path, { token: token.accessToken });
  return {
    login: people.map((person) => loginRequest(person)),
    'session check, cold': cookies.map((cookie) => requestBytes('GET', '/api/v1/auth/session', { cookie })),
    'own sessions, first check': sessions.map((session) => check(session, '/api/v1/users/me/sessions')),
    refresh: sessions.map(({ refreshToken }) =>
      requestBytes('POST', '/api/v1/auth/refresh', { body: { refreshToken } }),
    ),
    registration: people.map(() => requestBytes('POST', '/api/v1/auth/register', { body: newRegistration() })),
  } satisfies Record<Operation, Buffer[]>;
}

async function warm(database: string): Promise<void> {
  await query(database, 'create extension pg_prewarm');
  await query(
    database,
    `select pg_prewarm(oid::regclass) from pg_class where relkind in ('r', 'i', 't') and relnamespace <> 'pg_catalog'::regnamespace`,
  );
  await query(database, 'vacuum (analyze)');
}

async function query<T extends object>(database: string, sql: string): Promise<T[]> {
  const client = await connectDirectly(cluster.url(database));
  const { rows } = await client.query<T>(sql);
  await client.end();
  return rows;
}

async function serve(database: 'small' | 'big') {
  const server = await startServer({ database: cluster.url(database), publicUrl });
  return { server, port: portOf(server) };
}

function portOf({ url }: RunningServer): number {
  return Number(new URL(url).port);
}

/** CPU of all processes of the cluster, of which only the measured side is busy. */
function postgresMilliseconds(): number {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === cluster.pid);
  return children.reduce((total, pid) => total + cpuMilliseconds(Number(pid)), 0);
}

function parentOf(pid: string): number {
  try {
    return Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]);
  } catch {
    // The process has ended.
    return 0;
  }
}

interface Cost {
  readonly node: number[];
  readonly postgres: number[];
}

/** Each request once on each side: a second one would be served from caches. */
async function measure() {
  const noCosts = () => ({ node: [], postgres: [] }) as Cost;
  const noneOf = () => Object.fromEntries(operations.map((name) => [name, noCosts()])) as Record<Operation, Cost>;
  const found = { small: noneOf(), big: noneOf() };
  for (let round = 0; round <= rounds; round += 1) {
    for (const operation of operations) {
      const share = requests[operation].slice(round * perWindow, (round + 1) * perWindow);
      for (const side of ['small', 'big'] as const) {
        const cost = await costOf(sides[side], share);
        // The first round is the warm-up.
        if (round === 0) continue;
        found[side][operation].node.push(cost.node);
        found[side][operation].postgres.push(cost.postgres);
      }
    }
  }
  return found;
}

async function costOf({ server, port }: (typeof sides)['small'], share: readonly Buffer[]) {
  const remaining = share.values();
  const before = { node: cpuMilliseconds(server.pid), postgres: postgresMilliseconds() };
  await load({ next: () => remaining.next().value }, { port, connections: 4 });
  await pause(100);
  return {
    node: ((cpuMilliseconds(server.pid) - before.node) * 1000) / share.length,
    postgres: ((postgresMilliseconds() - before.postgres) * 1000) / share.length,
  };
}

function print(): void {
  const usual = (values: readonly number[]) => quantileOf(values, 0.3);
  const rows = operations.map((operation) => {
    const [small, big] = [costs.small[operation], costs.big[operation]];
    const values = [small.node, small.postgres, big.node, big.postgres].map(usual);
    const [smallNode = 0, smallPostgres = 0, bigNode = 0, bigPostgres = 0] = values;
    const ratio = (bigNode + bigPostgres) / (smallNode + smallPostgres);
    return [operation, ...values.map(Math.round), Number(ratio.toFixed(2)), ratio <= limit ? 'holds' : 'DOES NOT HOLD'];
  });
  const head = ['operation', 'node µs', 'pg µs', `node µs, ${users}`, `pg µs, ${users}`, 'ratio', ''];
  for (const line of tableLines(head, rows)) console.log(line);
  process.exitCode = rows.every((row) => row.at(-1) === 'holds') ? 0 : 1;
}
