/** Requests of a usual day at half of the measured capacity: the p95 of every operation is below 200 ms, that of the database below 50 ms, every mail arrives within 5 s, and fewer than 0.1 % of requests fail. */
import { setTimeout as pause } from 'node:timers/promises';
import { load } from '../../bench/support/load.ts';
import { type OpenLoadResult, runOpenLoad } from '../../bench/support/open-load.ts';
import { addCookieSessions, addTokenSessions, addUsers } from '../../bench/support/users.ts';
import { quantileOf } from '../../bench/support/windows.ts';
import { startServer } from '../../e2e/support/server.ts';
import { type SmtpSink, startSmtpSink } from '../../e2e/support/smtp-sink.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { type MixedContext, type MixedOperation, MixedTraffic, mixedOperations } from './support/mixed-traffic.ts';
import { readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { quantileBetween, readHistogram } from './support/scraped-histogram.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { seconds, users: userCount } = readNumbers({ seconds: 60, users: 200 });
const limits = { requestMs: 200, databaseMs: 50, mailMs: 5000, errorShare: 0.001 };
const capacitySeconds = 10;
const connections = 32;

const shared = { LATCHKEY_LOG_LEVEL: 'info', LATCHKEY_ARGON2_MEMORY_KIB: undefined, LATCHKEY_ARGON2_TIME: undefined };
const publicUrl = 'http://localhost:5625';

await using postgres = await provideDatabase();
const traffic = await prepare();
const sink = await startSmtpSink();
const server = await startServer({ database: postgres.url, publicUrl, smtpUrl: sink.url, env: shared });
const port = Number(new URL(server.url).port);
const readQueries = async () =>
  readHistogram(await (await fetch(`${server.opsUrl}/metrics`)).text(), 'db_query_duration_seconds');

const capacity = await measureCapacity();
console.log(
  `capacity: ${capacity.toFixed(0)} requests per second; offered: ${(capacity / 2).toFixed(0)} for ${seconds} s`,
);
const mails = watchMails(sink);
const before = await readQueries();
const milliseconds = Object.fromEntries(mixedOperations.map((operation) => [operation, [] as number[]]));
const failures: Record<string, number> = {};
const requestedMs = new Map<string, number>();
const offered = await runOpenLoad<MixedContext>({
  port,
  perSecond: capacity / 2,
  seconds,
  maxConnections: 500,
  next: () => traffic.next(),
  onResponse: (context, response) => {
    traffic.onResponse(context, response);
    milliseconds[context.operation]?.push(response.milliseconds);
    if (context.recipient !== undefined) requestedMs.set(context.recipient, performance.now());
    if (response.status >= 400) count(`${context.operation} ${response.status}`);
  },
});
await eventually(() => [...requestedMs.keys()].every((recipient) => mails.arrivedMs.has(recipient)), {
  what: 'every mail has arrived',
  timeoutMs: 30_000,
}).catch(() => false);
mails.stop();
const databaseMs = quantileBetween(before, await readQueries(), 0.95) * 1000;
await server.stop();
await sink.close();
print(offered);

/** On a server with an inbox, where users confirm their addresses. */
async function prepare(): Promise<MixedTraffic> {
  const first = await startServer({ database: postgres.url, publicUrl, env: shared });
  const target = { port: Number(new URL(first.url).port), opsPort: Number(new URL(first.opsUrl).port) };
  const users = await addUsers(target, userCount);
  const tokens = await addTokenSessions(target, users, userCount * 2);
  const cookies = await addCookieSessions(target, users, userCount);
  await first.stop();
  return new MixedTraffic(users, tokens, cookies);
}

/** Requests per second when each connection sends the next one after the response. */
async function measureCapacity(): Promise<number> {
  const contexts: MixedContext[] = [];
  const run = () =>
    load(
      {
        next: (connection) => {
          const { bytes, context } = traffic.next();
          contexts[connection] = context;
          return bytes;
        },
        onResponse: (connection, response) => traffic.onResponse(contexts[connection] as MixedContext, response),
      },
      { port, connections, seconds: capacitySeconds, acceptedStatuses: [503] },
    );
  await run();
  const { responses, seconds: took } = await run();
  return responses / took;
}

function count(failure: string): void {
  failures[failure] = (failures[failure] ?? 0) + 1;
}

/** The sink keeps no times: this reads its new lines every 10 ms. */
function watchMails({ lines }: SmtpSink) {
  const arrivedMs = new Map<string, number>();
  const stopping = new AbortController();
  const watch = async () => {
    for (let seen = lines.length; !stopping.signal.aborted; await pause(10)) {
      for (; seen < lines.length; seen += 1) arrivedMs.set(lines[seen]?.to ?? '', performance.now());
    }
  };
  void watch();
  return { arrivedMs, stop: () => stopping.abort() };
}

function print(result: OpenLoadResult): void {
  const at = (values: readonly number[], share: number) => Number(quantileOf(values, share).toFixed(1));
  const rows = mixedOperations.map((operation) => rowOf(operation, milliseconds[operation] ?? [], at));
  for (const line of tableLines(['operation', 'count', 'p50 ms', 'p95 ms', 'p99 ms', 'most ms'], rows))
    console.log(line);
  const deliveries = [...requestedMs].map(([to, atMs]) => (mails.arrivedMs.get(to) ?? Number.POSITIVE_INFINITY) - atMs);
  const broken = Object.values(result.broken).reduce((total, number) => total + number, 0);
  const errors =
    Object.values(failures).reduce((total, number) => total + number, 0) +
    broken +
    result.notSent +
    result.withoutResponse;
  console.log(`failures: ${JSON.stringify({ ...failures, ...result.broken, notSent: result.notSent })}`);
  const slowest = rows.toSorted((a, b) => Number(b[3]) - Number(a[3]))[0] ?? [];
  const mailMs = Math.max(0, ...deliveries);
  const criteria: [string, number, number][] = [
    [`p95 of the slowest operation (${slowest[0]}), ms`, Number(slowest[3]), limits.requestMs],
    ['p95 of round trips to the database, ms', Number(databaseMs.toFixed(2)), limits.databaseMs],
    [`slowest of ${deliveries.length} mails, ms`, Number(mailMs.toFixed(0)), limits.mailMs],
    ['share of requests that failed', Number((errors / result.due).toFixed(5)), limits.errorShare],
  ];
  const holds = criteria.map(([, found, limit]) => found < limit);
  const lines = criteria.map(([name, found, limit], index) => [
    name,
    found,
    limit,
    holds[index] ? 'holds' : 'DOES NOT HOLD',
  ]);
  for (const line of tableLines(['criterion', 'found', 'below', ''], lines)) console.log(line);
  process.exitCode = deliveries.length > 0 && holds.every(Boolean) ? 0 : 1;
}

function rowOf(
  operation: MixedOperation,
  values: readonly number[],
  at: (values: readonly number[], share: number) => number,
): (string | number)[] {
  return [operation, values.length, at(values, 0.5), at(values, 0.95), at(values, 0.99), at(values, 1)];
}
