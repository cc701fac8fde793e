/** A thousand sessions that one node revokes while 20 readers present their tokens to another, with and without Redis, while Redis is stopped and flushed, the node is suspended for 10 s or cannot reach PostgreSQL: no token is accepted that was sent more than a second after the acknowledgement. */
import { addUsers } from '../../bench/support/users.ts';
import { type RunningServer, startServer } from '../../e2e/support/server.ts';
import { connectToRedis } from '../../packages/server/test/support/operators.ts';
import { startRedis, type TestRedis } from '../../packages/server/test/support/redis.ts';
import { startTcpForwarder, type TcpForwarder } from '../../packages/server/test/support/tcp-forwarder.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import {
  type Nodes,
  openSessions,
  type Revocable,
  revokeDuring,
  revokeOneByOne,
  type Seen,
  usersForRevocations,
} from './support/revocation-trials.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { revocations, readers, disturbed } = readNumbers({ revocations: 1000, readers: 20, disturbed: 200 });
const acceptedWithinMs = 1000;
const suspendedMs = 10_000;
const unreachableMs = 4000;

interface Deployment {
  readonly nodes: Nodes;
  /** Between PostgreSQL and the node that is read. */
  readonly link: TcpForwarder;
  readonly redis: TestRedis | undefined;
}

interface Row {
  readonly cells: readonly (string | number)[];
  readonly faults: readonly string[];
}

const rows: Row[] = [];
await using postgres = await provideDatabase();
const withoutRedis = await open(undefined);
note(rowOf('none', 'none', await oneByOne(withoutRedis)));
note(rowOf('none', 'node suspended for 10 s', await suspended(withoutRedis)));
note(rowOf('none', 'PostgreSQL out of reach for 4 s', await outOfReach(withoutRedis)));
await close(withoutRedis);

await using redis = await startRedis();
const withRedis = await open(redis);
note(rowOf('yes', 'none', await oneByOne(withRedis)));
note(rowOf('yes', 'Redis stopped, started and flushed', await whileRedisFails(withRedis, redis)));
note(rowOf('yes', 'node suspended for 10 s', await suspended(withRedis)));
note(rowOf('yes', 'PostgreSQL out of reach for 4 s', await outOfReach(withRedis)));
await close(withRedis);

const head = [
  'Redis',
  'disturbance',
  'revoked',
  'accepted after it',
  'p50 (ms)',
  'latest (ms)',
  'rejected after (ms)',
  'other responses',
];
const lines = tableLines(
  head,
  rows.map(({ cells }) => cells),
);
for (const line of lines) console.log(line);
const faults = rows.flatMap(({ cells, faults: found }) => found.map((fault) => `${cells[0]}, ${cells[1]}: ${fault}`));
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

/** Shows that the proof goes on; the table follows at the end. */
function note(row: Row): void {
  console.log(row.cells.join(' · '));
  rows.push(row);
}

async function open(usedRedis: TestRedis | undefined): Promise<Deployment> {
  const { cluster, url } = postgres;
  const link = await startTcpForwarder(Number(new URL(cluster.adminUrl).port));
  const env = usedRedis === undefined ? {} : { REDIS_URL: usedRedis.url };
  const shared = { publicUrl: 'http://localhost:5625', env };
  const linked = Object.assign(new URL(url), { port: String(link.port) }).href;
  const nodes = [
    await startServer({ ...shared, database: url }),
    await startServer({ ...shared, database: linked, parameters: ['--no-jobs'] }),
  ] as const;
  return { nodes, link, redis: usedRedis };
}

async function close({ nodes, link }: Deployment): Promise<void> {
  await Promise.all(nodes.map((node) => node.kill9()));
  await link[Symbol.asyncDispose]();
}

async function sessionsFor({ nodes: [revoking] }: Deployment, count: number): Promise<Revocable[]> {
  const [port, opsPort] = [revoking.url, revoking.opsUrl].map((url) => Number(new URL(url).port));
  const users = await addUsers({ port: port ?? 0, opsPort: opsPort ?? 0 }, usersForRevocations(count));
  return openSessions(revoking.url, users);
}

async function oneByOne(deployment: Deployment): Promise<Seen[]> {
  return revokeOneByOne(deployment.nodes, await sessionsFor(deployment, revocations), readers);
}

/** Each state for a part of the revocations. */
async function whileRedisFails(deployment: Deployment, server: TestRedis): Promise<Seen[]> {
  const { nodes } = deployment;
  const sessions = await sessionsFor(deployment, revocations);
  const revoking = revokeOneByOne(nodes, sessions, readers);
  let isDone = false;
  const failing = (async () => {
    while (!isDone) {
      await server.kill9();
      await eventually(() => isDone || nodesKnow(nodes), {
        what: 'the nodes know that Redis is away',
        timeoutMs: 30_000,
      });
      await server.start();
      await eventually(() => isDone || isWell(nodes), { what: 'the nodes use Redis again', timeoutMs: 30_000 });
      const operator = connectToRedis(server.url);
      await operator.flushall();
      await operator.quit();
    }
  })();
  const seen = await revoking;
  isDone = true;
  await failing;
  return seen;
}

async function nodesKnow(nodes: readonly RunningServer[]): Promise<boolean> {
  return (await checksOf(nodes)).every((check) => check !== 'ok');
}

async function isWell(nodes: readonly RunningServer[]): Promise<boolean> {
  return (await checksOf(nodes)).every((check) => check === 'ok');
}

/** The check of Redis in the readiness of each node. */
function checksOf(nodes: readonly RunningServer[]): Promise<(string | undefined)[]> {
  return Promise.all(
    nodes.map(async ({ opsUrl }) => {
      const response = await fetch(`${opsUrl}/readyz?verbose`);
      const { checks } = (await response.json()) as { readonly checks: Readonly<Record<string, string>> };
      return checks.redis;
    }),
  );
}

async function suspended(deployment: Deployment): Promise<Seen[]> {
  const [, { pid }] = deployment.nodes;
  const sessions = await sessionsFor(deployment, disturbed);
  return revokeDuring(deployment.nodes, sessions, {
    begin: () => process.kill(pid, 'SIGSTOP'),
    end: () => process.kill(pid, 'SIGCONT'),
    lastsMs: suspendedMs,
  });
}

async function outOfReach(deployment: Deployment): Promise<Seen[]> {
  const sessions = await sessionsFor(deployment, disturbed);
  return revokeDuring(deployment.nodes, sessions, {
    begin: () => deployment.link.hold(),
    end: () => deployment.link.resume(),
    lastsMs: unreachableMs,
  });
}

function rowOf(redisState: string, disturbance: string, seen: readonly Seen[]): Row {
  const lateMs = seen.map(({ acknowledgedMs, lastAcceptedMs }) => Math.max(0, lastAcceptedMs - acknowledgedMs));
  const sorted = lateMs.toSorted((a, b) => a - b);
  const latestMs = sorted.at(-1) ?? 0;
  const rejectedMs = Math.max(...seen.map((each) => each.rejectedMs - each.acknowledgedMs));
  const again = seen.reduce((sum, { acceptedAgain }) => sum + acceptedAgain, 0);
  const others = seen.flatMap((each) => each.others);
  const unexpected = others.filter((status) => status !== 503);
  return {
    cells: [
      redisState,
      disturbance,
      seen.length,
      lateMs.filter((ms) => ms > 0).length,
      Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0),
      Math.round(latestMs),
      Math.round(rejectedMs),
      describe(others),
    ],
    faults: [
      ...(latestMs > acceptedWithinMs ? [`a token was accepted ${latestMs.toFixed(0)} ms after its revocation`] : []),
      ...(again > 0 ? [`${again} checks were accepted after the token had been rejected`] : []),
      ...(unexpected.length > 0 ? [`responses were ${describe(unexpected)}`] : []),
    ],
  };
}

function describe(statuses: readonly number[]): string {
  const counts = Map.groupBy(statuses, (status) => status);
  return counts.size === 0 ? '–' : [...counts].map(([status, all]) => `${all.length} × ${status}`).join(', ');
}
