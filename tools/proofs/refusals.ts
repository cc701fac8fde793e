/** PostgreSQL and Redis that fail over, restart, are full or refuse under two nodes and a light load: 503 with Retry-After and a reason, well again within 10 s, no acknowledged write lost, no 500. */
import { client } from '../../e2e/support/client.ts';
import { type RunningServer, type ServerOptions, startServer } from '../../e2e/support/server.ts';
import {
  connect,
  fronts,
  openDeployment,
  type Refusal,
  refusals,
} from '../../packages/server/test/faults/postgres-refusals.ts';
import {
  openRedisDeployment,
  type RedisRefusal,
  redisRefusals,
} from '../../packages/server/test/faults/redis-refusals.ts';
import type { PostgresCluster } from '../../packages/server/test/support/postgres-cluster.ts';
import { LightLoad } from './support/light-load.ts';
import { readNumbersAndWords } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { numbers, words } = readNumbersAndWords({ rounds: 3 });
const wellAgainWithinSeconds = 10;

interface Row {
  readonly cells: readonly (string | number)[];
  readonly faults: readonly string[];
}

const isChosen = ({ name }: { readonly name: string }) =>
  words.length === 0 || words.some((word) => name.includes(word));

const rows: Row[] = [];
for (let round = 0; round < numbers.rounds; round += 1) {
  for (const refusal of refusals.filter(isChosen)) {
    for (const front of fronts) rows.push(await tryPostgres(refusal, front));
  }
}
print([
  'PostgreSQL',
  'behind',
  '503 after (s)',
  'reason after (s)',
  'well again after (s)',
  'acknowledged',
  'lost',
  '500',
  'reasons',
]);
for (let round = 0; round < numbers.rounds; round += 1) {
  for (const refusal of redisRefusals.filter(isChosen)) rows.push(await tryRedis(refusal));
}
print(['Redis', 'reason after (s)', 'well again after (s)', 'acknowledged', 'not acknowledged', 'counts', 'reasons']);

/** Prints and removes the rows so far. */
function print(head: readonly string[]): void {
  const printed = rows.splice(0);
  for (const line of tableLines(
    head,
    printed.map(({ cells }) => cells),
  ))
    console.log(line);
  const faults = printed.flatMap(({ cells, faults: found }) => found.map((fault) => `${cells[0]}: ${fault}`));
  for (const fault of faults) console.log(fault);
  if (faults.length > 0) process.exitCode = 1;
}

async function tryPostgres(refusal: Refusal, front: (typeof fronts)[number]): Promise<Row> {
  await using deployment = await openDeployment(refusal, front);
  await using nodes = await startNodes({ database: deployment.url });
  await refusal.prepare?.(deployment);
  const load = new LightLoad(nodes.servers, 'database');
  await load.wellSince(performance.now());
  const beganMs = performance.now();
  await refusal.begin(deployment);
  const [refusedMs, reasonMs] = await Promise.all([load.refusedSince(beganMs), load.reasonSince(beganMs)]);
  const serving = await refusal.end(deployment);
  const endedMs = performance.now();
  const wellMs = await load.wellSince(endedMs);
  await load.stop();
  const lost = await countLost(serving, load.acknowledged);
  const unexpected = load.registrations.filter(({ isGood, status }) => !isGood && status !== 503);
  const wellSeconds = (wellMs - endedMs) / 1000;
  return {
    cells: [
      refusal.name,
      front,
      seconds(refusedMs - beganMs),
      seconds(reasonMs - beganMs),
      seconds(wellMs - endedMs),
      load.acknowledged.length,
      lost,
      unexpected.length,
      load.reasons(beganMs).join(' | '),
    ],
    faults: [
      ...(lost > 0 ? [`${lost} acknowledged registrations are lost`] : []),
      ...unexpected.map(({ status, code }) => `a response was ${status} ${code}`),
      ...lateFaults(wellSeconds),
    ],
  };
}

async function tryRedis(refusal: RedisRefusal): Promise<Row> {
  await using postgres = await provideDatabase();
  await using deployment = await openRedisDeployment();
  const env = { REDIS_URL: deployment.redis.url, LATCHKEY_LIMIT_CREDENTIAL: undefined };
  await using nodes = await startNodes({ database: postgres.url, env });
  const load = new LightLoad(nodes.servers, 'redis');
  await refusal.prepare?.(deployment);
  await load.wellSince(performance.now());
  const beganMs = performance.now();
  await refusal.begin(deployment);
  const reasonMs = refusal.isRefusing ? await load.reasonSince(beganMs) : beganMs;
  await refusal.end(deployment);
  const endedMs = performance.now();
  const wellMs = await load.wellSince(endedMs);
  const isShared = await sharesCounts(nodes.servers);
  await load.stop();
  const failed = load.registrations.filter(({ isGood }) => !isGood);
  return {
    cells: [
      refusal.name,
      seconds(reasonMs - beganMs),
      seconds(wellMs - endedMs),
      load.acknowledged.length,
      failed.length,
      isShared ? 'shared' : 'NOT SHARED',
      load.reasons(beganMs).join(' | '),
    ],
    faults: [
      ...failed.map(({ status, code }) => `a response was ${status} ${code}`),
      ...(isShared ? [] : ['the nodes do not share their counts']),
      ...lateFaults((wellMs - endedMs) / 1000),
    ],
  };
}

function lateFaults(wellSeconds: number): string[] {
  return wellSeconds > wellAgainWithinSeconds ? [`well again only after ${wellSeconds.toFixed(1)} s`] : [];
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

/** Two nodes that stop with the block. */
async function startNodes(
  options: ServerOptions,
): Promise<AsyncDisposable & { readonly servers: readonly RunningServer[] }> {
  const shared = { ...options, publicUrl: 'http://localhost:5625' };
  const servers = [await startServer(shared), await startServer(shared)];
  const stop = async () => void (await Promise.all(servers.map((server) => server.kill9())));
  return { servers, [Symbol.asyncDispose]: stop };
}

async function countLost(cluster: PostgresCluster, emails: readonly string[]): Promise<number> {
  const operator = await connect(cluster);
  const { rows: found } = await operator.query<{ count: string }>({
    text: 'select count(*) from identifiers where canonical = any($1)',
    values: [emails],
  });
  await operator.end();
  return emails.length - Number(found[0]?.count);
}

/** Whether each node sees the failed login that the node before counted. */
async function sharesCounts(nodes: readonly RunningServer[]): Promise<boolean> {
  const left: number[] = [];
  for (const { url } of nodes) {
    const { headers } = await client(url).login('nobody@example.com', 'not a password of anybody');
    left.push(Number(/"credential";r=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1]));
  }
  return left.every((each, index) => index === 0 || each === (left[index - 1] ?? 0) - 1);
}
