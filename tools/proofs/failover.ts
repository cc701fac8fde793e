/** A synchronous standby is promoted while its primary is killed, frozen or demoted, and a Redis primary fails over, under logins on two nodes: none that was acknowledged is lost, and logins succeed again within 10 s, by the settings alone and through HAProxy. */
import type { Client } from 'pg';
import { addUsers } from '../../bench/support/users.ts';
import { type RunningServer, startServer } from '../../e2e/support/server.ts';
import { startHaProxy } from '../../packages/server/test/support/haproxy.ts';
import { connectToPostgres } from '../../packages/server/test/support/operators.ts';
import { type PostgresCluster, startPostgres } from '../../packages/server/test/support/postgres-cluster.ts';
import { startSentinelDeployment } from '../../packages/server/test/support/redis-sentinel.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { LoginLoad } from './support/login-load.ts';
import { readNumbersAndWords } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { numbers, words } = readNumbersAndWords({ rounds: 1, users: 8 });
const backWithinMs = 10_000;
/** A login that waits for a commit ends within 5 s, and one may follow another on the same user. */
const longestLoginMs = 6000;
const promotedAfterMs = 1000;
const noticedWithinMs = 3000;
const quietMs = 2000;

interface Pair {
  readonly primary: PostgresCluster;
  readonly standby: PostgresCluster;
  /** A connection to the primary. */
  readonly operator: Client;
}

interface Fault {
  readonly name: string;
  begin(pair: Pair): Promise<void> | void;
  /** The old primary comes back where nothing leads connections to it. */
  end?(pair: Pair): Promise<void> | void;
}

const faults: readonly Fault[] = [
  { name: 'killed', begin: ({ primary }) => primary.kill9() },
  { name: 'frozen', begin: ({ primary }) => primary.freeze(), end: ({ primary }) => primary.thaw() },
  {
    name: 'demoted',
    begin: async ({ operator }) => {
      await operator.query('alter system set default_transaction_read_only = on');
      await operator.query('select pg_reload_conf()');
    },
  },
];

const ways = ['several hosts', 'HAProxy'] as const;

interface Row {
  readonly cells: readonly (string | number)[];
  readonly faults: readonly string[];
}

const rows: Row[] = [];
const isChosen = (name: string) => words.length === 0 || words.some((word) => name.includes(word));
for (let round = 0; round < numbers.rounds; round += 1) {
  for (const fault of faults) {
    for (const way of ways) if (isChosen(`PostgreSQL ${fault.name} ${way}`)) note(await failOver(fault, way));
  }
  for (const how of ['killed', 'frozen'] as const) if (isChosen(`Redis ${how}`)) note(await failOverRedis(how));
}
const head = ['server', 'primary', 'by', 'back (s)', 'acknowledged', 'lost', 'longest (s)', 'failed'];
for (const line of tableLines(
  head,
  rows.map(({ cells }) => cells),
))
  console.log(line);
const found = rows.flatMap(({ cells, faults: all }) => all.map((fault) => `${cells.slice(0, 3).join(' ')}: ${fault}`));
for (const fault of found) console.log(fault);
process.exitCode = rows.length > 0 && found.length === 0 ? 0 : 1;

/** Shows that the proof goes on; the table follows at the end. */
function note(row: Row): void {
  console.log(row.cells.join(' · '));
  rows.push(row);
}

async function failOver(fault: Fault, way: (typeof ways)[number]): Promise<Row> {
  await using pair = await startPair();
  // A frozen server would not stop.
  await using ending = new AsyncDisposableStack();
  ending.defer(async () => fault.end?.(pair));
  await using front = way === 'HAProxy' ? await startHaProxy([pair.primary, pair.standby].map(portOf)) : undefined;
  const hosts = front === undefined ? [pair.primary, pair.standby].map(hostOf).join(',') : `127.0.0.1:${front.port}`;
  await using nodes = await startNodes(`postgres://latchkey@${hosts}/postgres`);
  const load = await nodes.load();
  const beganMs = performance.now();
  await fault.begin(pair);
  await eventually(() => performance.now() - beganMs > promotedAfterMs, { what: 'the standby is promoted' });
  const operator = await connectToPostgres(pair.standby);
  await operator.query('select pg_promote()');
  const backMs = await load.wellSince(beganMs);
  // HAProxy would lead connections to it again; an operator keeps it away.
  if (way === 'several hosts') await fault.end?.(pair);
  const endMs = performance.now();
  await load.wellSince(endMs);
  await load.stop();
  const lost = await countLost(operator, load.acknowledged);
  await operator.end();
  if (way === 'several hosts') checkStaysAway(load, endMs);
  return rowOf(['PostgreSQL', fault.name, way], load, { beganMs, backMs, lost });
}

/** The return of the old primary must not be noticed. */
function checkStaysAway(load: LoginLoad, sinceMs: number): void {
  const failures = load.failures(sinceMs);
  if (failures.size > 0) throw new Error(`logins failed after the old primary came back: ${describe(failures)}`);
}

async function failOverRedis(how: 'killed' | 'frozen'): Promise<Row> {
  await using postgres = await provideDatabase();
  await using redis = await startSentinelDeployment(3);
  const env = { REDIS_URL: redis.url, LATCHKEY_LIMIT_CREDENTIAL: '1000000/1h' };
  await using nodes = await startNodes(postgres.url, env);
  const load = await nodes.load();
  const beganMs = performance.now();
  if (how === 'killed') await redis.primary.kill9();
  else redis.primary.freeze();
  let badMs = beganMs;
  const isQuiet = async () => {
    if (!(await nodes.areWell('redis'))) badMs = performance.now();
    // The sentinels need a moment to find the primary away.
    return performance.now() - Math.max(badMs, beganMs + noticedWithinMs) > quietMs;
  };
  await eventually(isQuiet, { what: 'the nodes use the new primary', timeoutMs: 45_000 });
  const backMs = badMs;
  await load.stop();
  const operator = await connectToPostgres(postgres.cluster);
  const lost = await countLost(operator, load.acknowledged);
  await operator.end();
  const row = rowOf(['Redis', how, 'sentinels'], load, { beganMs, backMs, lost });
  const failures = load.failures(beganMs);
  const missed = backMs === beganMs ? ['the nodes did not notice'] : [];
  const failed = failures.size === 0 ? [] : [`logins failed: ${describe(failures)}`];
  return { ...row, faults: [...row.faults, ...missed, ...failed] };
}

interface Outcome {
  readonly beganMs: number;
  readonly backMs: number;
  readonly lost: number;
}

function rowOf(name: readonly string[], load: LoginLoad, { beganMs, backMs, lost }: Outcome): Row {
  const failures = load.failures(beganMs);
  const longest = load.longest(beganMs);
  // A login that waited and succeeded was not served meanwhile.
  const servedMs = Math.max(backMs, longest.endMs) - beganMs;
  const unexpected = [...failures.keys()].filter((each) => !each.startsWith('503 '));
  return {
    cells: [
      ...name,
      seconds(servedMs),
      load.acknowledged.length,
      lost,
      seconds(longest.milliseconds),
      describe(failures) || '–',
    ],
    faults: [
      ...(lost > 0 ? [`${lost} acknowledged logins are lost`] : []),
      ...(servedMs > backWithinMs ? [`back only after ${seconds(servedMs)} s`] : []),
      ...(longest.milliseconds > longestLoginMs ? [`a login took ${seconds(longest.milliseconds)} s`] : []),
      ...unexpected.map((each) => `a response was ${each}`),
    ],
  };
}

function describe(failures: ReadonlyMap<string, number>): string {
  return [...failures].map(([what, count]) => `${count} × ${what}`).join(', ');
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}

async function startPair(): Promise<Pair & AsyncDisposable> {
  const primary = await startPostgres({ durable: true, settings: { synchronous_standby_names: '*' } });
  const standby = await startPostgres({ durable: true, standbyOf: primary.adminUrl });
  const operator = await connectToPostgres(primary);
  const isSynchronous = async () =>
    (await operator.query(`select from pg_stat_replication where sync_state = 'sync'`)).rows.length === 1;
  await eventually(isSynchronous, { what: 'the standby is synchronous' });
  const stop = async () => {
    await operator.end();
    await Promise.all([primary.stop(), standby.stop()]);
  };
  return { primary, standby, operator, [Symbol.asyncDispose]: stop };
}

function portOf(cluster: PostgresCluster): number {
  return Number(new URL(cluster.adminUrl).port);
}

function hostOf(cluster: PostgresCluster): string {
  return `127.0.0.1:${portOf(cluster)}`;
}

interface Nodes extends AsyncDisposable {
  /** Starts the load, and resolves when it is well. */
  load(): Promise<LoginLoad>;
  /** Whether this check of every node is ok. */
  areWell(check: string): Promise<boolean>;
}

/** Two nodes on one database. The users are registered on the first, whose inbox has their mails. */
async function startNodes(database: string, env: Readonly<Record<string, string>> = {}): Promise<Nodes> {
  const options = { database, publicUrl: 'http://localhost:5625', env };
  const first = await startServer(options);
  const [port, opsPort] = [first.url, first.opsUrl].map((url) => Number(new URL(url).port));
  const users = await addUsers({ port: port ?? 0, opsPort: opsPort ?? 0 }, numbers.users);
  const servers: readonly RunningServer[] = [first, await startServer(options)];
  return {
    load: async () => {
      const load = new LoginLoad(servers, users);
      await load.wellSince(performance.now());
      return load;
    },
    areWell: async (check) => {
      const details = await Promise.all(servers.map(({ opsUrl }) => readCheck(opsUrl, check)));
      return details.every((detail) => detail === 'ok');
    },
    [Symbol.asyncDispose]: async () => void (await Promise.all(servers.map((server) => server.kill9()))),
  };
}

async function readCheck(opsUrl: string, check: string): Promise<string | undefined> {
  const response = await fetch(`${opsUrl}/readyz?verbose`);
  const { checks } = (await response.json()) as { readonly checks: Readonly<Record<string, string>> };
  return checks[check];
}

async function countLost(operator: Client, sessionIds: readonly string[]): Promise<number> {
  const { rows: kept } = await operator.query<{ count: string }>({
    text: 'select count(*) from sessions where id = any($1)',
    values: [sessionIds],
  });
  return sessionIds.length - Number(kept[0]?.count);
}
