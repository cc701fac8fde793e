/** A month of traffic on a moved clock: rows, memory, file descriptors, connections and series of a node stay flat. */
import { readdirSync } from 'node:fs';
import { residentMegabytes } from '../../bench/support/process-cost.ts';
import { median } from '../../bench/support/windows.ts';
import { client, dataOf, problemOf } from '../../e2e/support/client.ts';
import { awaitLink, readInbox, tokenOf } from '../../e2e/support/inbox.ts';
import { startServer } from '../../e2e/support/server.ts';
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { days, users } = readNumbers({ days: 30, users: 12 });
if (days < 24)
  throw new Error('--days takes 24 or more: sessions are deleted after 15, and the weeks after that are compared');

const password = 'a long enough password';
/** Each day leaves rows in these that are kept for longer than the soak, or for ever: their growth must be even. */
const kept = [
  'audit_events',
  'mail_ledger',
  'mail_attempts',
  'devices',
  'sessions',
  'refresh_families',
  'jobs',
  'data_keys',
  'attempt_counters',
];
/**
 * Rows that a day may leave more than another one, and the share by which measures may rise. The sweep deletes sessions by their
 * age to the second, so it finds those of one day just before or just after their time: each person logs in twice and gets three
 * refresh tokens.
 */
const slack = { rows: 3 * users + 3, share: 0.1 };

await using postgres = await provideDatabase();
const server = await startServer({ database: postgres.url, env: { LATCHKEY_LOG_LEVEL: 'info' } });
const sql = await connectDirectly(postgres.url);
const emails = Array.from({ length: users }, (_, index) => `regular-${index}@example.com`);
for (const email of emails) await register(email);

interface Day {
  readonly tables: Readonly<Record<string, number>>;
  readonly measures: Readonly<Record<string, number>>;
}

const history: Day[] = [];
for (let day = 1; day <= days; day += 1) {
  await liveOneDay(day);
  await advanceOneDay();
  history.push({ tables: await countRows(), measures: await readMeasures() });
  if (day % 5 === 0) console.log(`day ${day}: ${JSON.stringify(history.at(-1)?.measures)}`);
}
await sql.end();
await server.stop();
print();

async function register(email: string): Promise<void> {
  const api = client(server.url);
  dataOf(await api.register({ email, password }));
  dataOf(await api.verify(tokenOf(await awaitLink(() => readInbox(server.opsUrl, email), '/verify-email'))));
}

/** The same each day: each person logs in twice, works, and logs out once; some are clumsy, and strangers come by. */
async function liveOneDay(day: number): Promise<void> {
  for (const [index, email] of emails.entries()) {
    const api = client(server.url);
    if (index % 3 === 0) problemOf(await api.login(email, 'not the right one'));
    const first = dataOf(await api.login(email, password));
    for (let check = 0; check < 20; check += 1) dataOf(await api.session(first.accessToken));
    const second = dataOf(await api.refresh(first.refreshToken));
    dataOf(await api.me(second.accessToken));
    dataOf(await api.logout(second.accessToken));
    dataOf(await api.login(email, password));
    if (index % 4 === 0) dataOf(await api.forgotPassword(email));
    problemOf(await api.login(`stranger-${day}-${index}@example.org`, password));
    if (index % 4 === 1) dataOf(await api.register({ email: `abandoned-${day}-${index}@example.org`, password }));
    await (await api.send('GET', `/nothing-${day}-${index}`)).arrayBuffer();
  }
}

/** Moves the clock, and waits until the sweep of that day has run and no job is due. */
async function advanceOneDay(): Promise<void> {
  const before = await lastSweep();
  const body = JSON.stringify({ advance: '1d' });
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.opsUrl}/dev/clock`, { method: 'POST', headers, body });
  if (!response.ok) throw new Error(`the clock did not move: ${await response.text()}`);
  const isSwept = async () => (await lastSweep()) > before && (await countDueJobs()) === 0;
  await eventually(isSwept, { what: 'the sweep has run', timeoutMs: 60_000 });
}

async function lastSweep(): Promise<number> {
  const { rows } = await sql.query<{ at: Date | null }>(
    `select last_run_at as at from job_schedules where name = 'sweep'`,
  );
  return rows[0]?.at?.getTime() ?? 0;
}

/** Jobs that wait for a later day are no work of today. */
async function countDueJobs(): Promise<number> {
  const { rows } = await sql.query<{ count: number }>(
    `select count(*)::int4 as count from jobs where state = 'queued' and run_at <= (select max(last_run_at) from job_schedules)`,
  );
  return rows[0]?.count ?? 0;
}

async function countRows(): Promise<Record<string, number>> {
  const { rows: tables } = await sql.query<{ name: string }>(
    `select relname::text as name from pg_class
      where relkind in ('r', 'p') and not relispartition and relnamespace = current_schema()::regnamespace order by relname`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const { rows } = await sql.query<{ count: number }>(`select count(*)::int4 as count from "${name}"`);
    counts[name] = rows[0]?.count ?? 0;
  }
  return counts;
}

async function readMeasures(): Promise<Record<string, number>> {
  const metrics = await (await fetch(`${server.opsUrl}/metrics`)).text();
  const { rows } = await sql.query<{ count: number }>(
    `select count(*)::int4 as count from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  );
  return {
    'resident MB': Math.round(residentMegabytes(server.pid)),
    'file descriptors': readdirSync(`/proc/${server.pid}/fd`).length,
    'database connections': rows[0]?.count ?? 0,
    'metric series': metrics.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length,
  };
}

function print(): void {
  const middle = Math.floor((days + 15) / 2);
  const verdicts = [...tableRows(middle), ...measureRows(middle)];
  const head = ['what', `day ${15}`, `day ${middle}`, `day ${days}`, 'must be', ''];
  for (const line of tableLines(head, verdicts)) console.log(line);
  process.exitCode = verdicts.every((row) => row.at(-1) !== 'GROWS') ? 0 : 1;
}

/** A table is flat, or it grows by the same number of rows in both halves. */
function tableRows(middle: number): (string | number)[][] {
  const at = (table: string, day: number) => history[day - 1]?.tables[table] ?? 0;
  return Object.keys(history[0]?.tables ?? {}).map((table) => {
    const [a, b, c] = [at(table, 15), at(table, middle), at(table, days)];
    const isKept = kept.includes(table);
    const allowed = isKept ? ((b - a) / (middle - 15)) * (days - middle) : 0;
    const holds = c - b <= allowed * (1 + slack.share) + slack.rows;
    return [table, a, b, c, isKept ? 'even' : 'flat', holds ? 'holds' : 'GROWS'];
  });
}

/** Medians of days, because a collection of garbage moves memory. */
function measureRows(middle: number): (string | number)[][] {
  return Object.keys(history[0]?.measures ?? {}).map((name) => {
    const around = (from: number, to: number) =>
      median(history.slice(from - 1, to).map(({ measures }) => measures[name] ?? Number.NaN));
    const [a, b, c] = [around(10, 15), around(middle - 4, middle), around(days - 4, days)];
    return [name, a, b, c, 'flat', c <= b * (1 + slack.share) ? 'holds' : 'GROWS'];
  });
}
