/** Ten times the hashing capacity for a minute: every response is 200, 201, 401, 429 or 503, session checks stay fast, memory stays flat. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { moveToLoadCore, onSystemCore } from '../../bench/support/cores.ts';
import { load } from '../../bench/support/load.ts';
import { residentMegabytes } from '../../bench/support/process-cost.ts';
import { addTokenSessions, addUsers, loginRequest } from '../../bench/support/users.ts';
import { median, quantileOf } from '../../bench/support/windows.ts';
import { type RunningServer, startServer } from '../../e2e/support/server.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { criteriaOf } from './support/flood-criteria.ts';
import type { FloodOrder, FloodReport } from './support/flood-thread.ts';
import { readNumbers } from './support/options.ts';
import { watchOtherPrograms } from './support/other-programs.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';
import type { WatchOrder, WatchReport } from './support/watch-thread.ts';

endWithSignals();
const { seconds, times } = readNumbers({ seconds: 60, times: 10 });
if (seconds < 40) throw new Error('--seconds takes 40 or more: memory is compared between the beginning and the end');

/** Users that log in during the flood, and users of the session checks: each may make 600 checks a minute. */
const floodPeople = 100;
const watchedPeople = 20;
const warmUpSeconds = 3;
const capacitySeconds = 8;
const controlSeconds = 10;
/** Seconds in which other programs use less than this count as undisturbed. */
const quietCores = 0.15;

/** The product's default hash parameters and, but for the setup, limits. */
const ownHash = { LATCHKEY_ARGON2_MEMORY_KIB: undefined, LATCHKEY_ARGON2_TIME: undefined };
const ownLimits = {
  LATCHKEY_LIMIT_PUBLIC: undefined,
  LATCHKEY_LIMIT_AUTHENTICATED: undefined,
  LATCHKEY_LIMIT_ADMIN: undefined,
  LATCHKEY_LIMIT_CREDENTIAL: undefined,
  LATCHKEY_LIMIT_CREDENTIAL_ADDRESS: undefined,
  LATCHKEY_LIMIT_MAIL: undefined,
  LATCHKEY_LIMIT_MAIL_ADDRESS: undefined,
};
const shared = { LATCHKEY_LOG_LEVEL: 'info', LATCHKEY_TRUSTED_PROXIES: '127.0.0.1/32', ...ownHash };
const publicUrl = 'http://localhost:5625';

// As the bench: the server has one core, the flood and PostgreSQL the other. Ten times the possible load would otherwise
// take the cores from the server, and the time of a session check would measure the generator.
moveToLoadCore();
await using postgres = await provideDatabase();
const { people, tokens } = await prepare();
const server = await startServer({
  database: postgres.url,
  publicUrl,
  wrap: onSystemCore,
  env: { ...shared, ...ownLimits },
});
const seen = await flood(server);
await server.stop();
print();

/** Creates users and sessions on a server with high limits, since one address could not register that many. */
async function prepare() {
  const first = await startServer({ database: postgres.url, publicUrl, wrap: onSystemCore, env: shared });
  const where = { port: portOf(first), opsPort: Number(new URL(first.opsUrl).port) };
  const watched = await addUsers(where, watchedPeople);
  const sessions = await addTokenSessions(where, watched, watchedPeople);
  const flooding = await addUsers(where, floodPeople);
  await first.stop();
  return { people: flooding, tokens: sessions.map(({ accessToken }) => accessToken) };
}

/** Logins per second with a correct password, which no limit counts. */
async function saturate(port: number, forSeconds: number): Promise<number> {
  const requests = people.map((person) => loginRequest(person));
  let turn = 0;
  const next = () => {
    turn += 1;
    return requests[turn % requests.length];
  };
  const run = await load({ next }, { port, connections: 16, seconds: forSeconds });
  return run.responses / run.seconds;
}

async function flood(target: RunningServer) {
  const port = portOf(target);
  const watch = (forSeconds: number): Promise<WatchReport> =>
    runThread('watch-thread', { port, seconds: forSeconds, accessTokens: tokens } satisfies WatchOrder);
  await saturate(port, warmUpSeconds);
  const capacity = await saturate(port, capacitySeconds);
  console.log(`${capacity.toFixed(0)} hashes a second; offered: ${(capacity * times).toFixed(0)} for ${seconds} s`);
  // The first run warms up.
  await watch(warmUpSeconds);
  const control = await watch(controlSeconds);
  const before = await readCounts(target);
  const order: FloodOrder = { port, perSecond: capacity * times, seconds, people };
  const [report, watched, samples] = await Promise.all([
    runThread<FloodReport>('flood-thread', order),
    watch(seconds),
    sampleSeconds(target.pid),
  ]);
  const megabytes = samples.map((sample) => sample.megabytes);
  const otherCores = samples.map((sample) => sample.otherCores);
  const after = await readCounts(target);
  const beganMs = performance.now();
  await eventually(() => logsIn(port), { what: 'a login succeeds after the flood', timeoutMs: 60_000 });
  return {
    control,
    otherCores,
    megabytes,
    capacity,
    seconds,
    flood: report,
    watch: watched,
    hashes: after.hashes - before.hashes,
    refusedHashes: after.refused - before.refused,
    earlyMegabytes: median(megabytes.slice(10, 25)),
    lateMegabytes: median(megabytes.slice(-15)),
    loginAfterSeconds: (performance.now() - beganMs) / 1000,
  };
}

async function runThread<T>(name: string, order: object): Promise<T> {
  const thread = new Worker(new URL(`./support/${name}.ts`, import.meta.url), { workerData: order });
  const [report] = (await once(thread, 'message')) as [T];
  await thread.terminate();
  return report;
}

/** Resident memory of the server at the start of each second, and the CPU that other programs used in it. */
async function sampleSeconds(pid: number): Promise<{ readonly megabytes: number; readonly otherCores: number }[]> {
  const samples: { readonly megabytes: number; readonly otherCores: number }[] = [];
  for (let second = 0; second < seconds; second += 1) {
    const megabytes = residentMegabytes(pid);
    const othersSince = watchOtherPrograms([process.pid, pid, postgres.cluster.pid]);
    await pause(1000);
    samples.push({ megabytes, otherCores: othersSince() });
  }
  return samples;
}

async function readCounts({ opsUrl }: RunningServer) {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
  return { hashes: read('password_hashes_total'), refused: read('password_hashes_refused_total') };
}

async function logsIn(port: number): Promise<boolean> {
  let status = 0;
  const [someone] = people;
  const requests = someone === undefined ? [] : [loginRequest(someone)];
  const answered = (_: number, answer: { readonly status: number }) => {
    status = answer.status;
  };
  await load(
    { next: () => requests.pop(), onResponse: answered },
    { port, connections: 1, acceptedStatuses: [429, 503] },
  );
  return status === 200;
}

function portOf({ url }: RunningServer): number {
  return Number(new URL(url).port);
}

function print(): void {
  const { flood: report, watch, control, megabytes, otherCores } = seen;
  const kinds = Object.entries(report.answers).sort(([a], [b]) => a.localeCompare(b));
  for (const line of tableLines(['request and response', 'count'], kinds)) console.log(line);
  console.log(`problems: ${JSON.stringify(report.codes)}`);
  console.log(
    `connections at once: ${report.offered.peakConnections}; memory (MB): ${megabytes.map(Math.round).join(' ')}`,
  );
  const bySecond = inSeconds(watch.sessionMilliseconds);
  console.log(
    `slowest session check of each second (ms): ${bySecond.map((checks) => Math.round(Math.max(...checks))).join(' ')}`,
  );
  console.log(`cores that other programs used in it: ${otherCores.map((cores) => cores.toFixed(1)).join(' ')}`);
  const quiet = bySecond.filter((_, second) => (otherCores[second] ?? 0) < quietCores);
  const head = ['milliseconds', 'count', 'p50', 'p90', 'p99', 'most'];
  const rows = [
    ['session check, no flood', ...quantiles(control.sessionMilliseconds)],
    ['session check, flood', ...quantiles(watch.sessionMilliseconds)],
    ['session check, flood, others quiet', ...quantiles(quiet.flat())],
    ['/livez, flood', ...quantiles(watch.livezMilliseconds)],
    ['the watcher itself late, no flood', ...quantiles(control.lateMilliseconds)],
    ['the watcher itself late, flood', ...quantiles(watch.lateMilliseconds)],
    ...Object.entries(report.milliseconds).map(([status, values]) => [`flood, ${status}`, ...quantiles(values)]),
  ];
  for (const line of tableLines(head, rows)) console.log(line);
  const criteria = criteriaOf(seen);
  const lines = criteria.map(({ name, found, required, holds }) => [
    name,
    found,
    required,
    holds ? 'holds' : 'DOES NOT HOLD',
  ]);
  for (const line of tableLines(['criterion', 'found', 'required', ''], lines)) console.log(line);
  process.exitCode = criteria.every(({ holds }) => holds) ? 0 : 1;
}

/** Responses arrive nearly in the order in which they were due. */
function inSeconds(values: readonly number[]): (readonly number[])[] {
  const perSecond = Math.ceil(values.length / seconds);
  return Array.from({ length: seconds }, (_, second) => values.slice(second * perSecond, (second + 1) * perSecond));
}

function quantiles(values: readonly number[]): (string | number)[] {
  const at = (quantile: number) => (values.length === 0 ? '' : quantileOf(values, quantile).toFixed(1));
  return [values.length, at(0.5), at(0.9), at(0.99), at(1)];
}
