/** Two nodes are upgraded from the previous release, rolled back and upgraded again under load: no request of 20,000 fails, no lock of a migration is held for more than 250 ms, and each release accepts what the other issued. */
import { parseArgs } from 'node:util';
import { password } from '../../bench/support/users.ts';
import type { Settings } from '../../e2e/support/program.ts';
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';
import { findMisfits } from '../../packages/server/test/support/statement-misfits.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { checkOut } from '../checkout.ts';
import { type Crossing, crossReleases } from './support/crossed-releases.ts';
import { lockRows, readMigrationLocks, withStatementLog } from './support/migration-locks.ts';
import { statementsOf } from './support/release-statements.ts';
import { describeCommit, previousRelease, Release, schemaOf } from './support/releases.ts';
import { RollingNodes } from './support/rolling-nodes.ts';
import { endWithSignals } from './support/signals.ts';
import { countRequests, phaseRows, SteadyTraffic } from './support/steady-traffic.ts';
import { tableLines } from './support/table.ts';
import { prepareDatabase } from './support/upgrade-database.ts';

endWithSignals();
const { values } = parseArgs({
  options: {
    from: { type: 'string' },
    users: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '100' },
    requests: { type: 'string', default: '20000' },
    pooler: { type: 'boolean', default: false },
    replica: { type: 'boolean', default: false },
  },
});
const [users, perSecond, requests] = [values.users, values.rate, values.requests].map(Number) as [
  number,
  number,
  number,
];
const longestLockMs = 250;
/** `migrate up` tries for about 10 s, and succeeds when the dump ends earlier. */
const dumpEndsAfterMs = 2000;
const backToOlder = { LATCHKEY_UNKNOWN_SETTINGS: 'warn', LATCHKEY_SETTING_OF_A_LATER_RELEASE: '1' };

const commit = previousRelease(values.from);
const schema = schemaOf(commit);
console.log(`previous release: ${describeCommit(commit)}, ${schema} migrations`);
using checkout = checkOut(commit);
const previous = new Release('previous', checkout.directory);
const current = new Release('current');
const statements = await statementsOf(checkout.directory);
const { pooler, replica } = values;
await using database = await prepareDatabase({ checkout: checkout.directory, statements, users, pooler, replica });
console.log(`${database.users} users, ${database.size}`);
await using nodes = await RollingNodes.start(2, previous, database);
const faults: string[] = [];
const facts: string[][] = [];
const traffic = new SteadyTraffic(
  { ...(await database.logIn(nodes.urls[0] ?? '')), port: nodes.balancer.port, perSecond },
  'previous release',
);

await eventually(() => (traffic.phases[0]?.milliseconds.length ?? 0) > perSecond * 5, {
  what: 'the load is steady',
  timeoutMs: 60_000,
});
await migrateUnderDump();
await checkStatements();
begin('previous release on the new schema');
await nodes.replace(0, current);
begin('both releases');
await cross('both releases');
await nodes.replace(1, current);
begin('rolled back, node by node');
await nodes.replace(0, previous, unknownSettings(previous));
await cross('rolled back');
await nodes.replace(1, previous, unknownSettings(previous));
begin('migrate down');
await migrateDown();
begin('migrate up, again');
await migrate('up');
begin('upgraded again, node by node');
await nodes.replace(0, current);
await nodes.replace(1, current, unknownSettings(current));
begin('current release');
await traffic.reach(requests);
if (replica) await checkReplica();
faults.push(...(await traffic.stop()));
report();

/** Prints each phase, because a run takes minutes. */
function begin(phase: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${phase}`);
  traffic.begin(phase);
}

/** As an operator does who starts the migration while a backup runs, and again. */
async function migrateUnderDump(): Promise<void> {
  begin('migrate up during a dump');
  const dump = await beginDump();
  const first = await runMigrate(['migrate', 'up']);
  facts.push(['migrate up while a dump holds its locks', `exit code ${first.code}`, first.output]);
  const second = migrate('up');
  const beganMs = performance.now();
  await eventually(() => performance.now() - beganMs > dumpEndsAfterMs, { what: 'the dump has ended' });
  await dump.end();
  await second;
}

/** The snapshot and the locks of pg_dump, which it holds until its end. */
async function beginDump() {
  const dump = await connectDirectly(database.direct);
  const { rows } = await dump.query<{ tables: string }>(
    `select string_agg(format('%I', relname), ', ') as tables from pg_class
      where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace`,
  );
  await dump.query('begin transaction isolation level repeatable read, read only');
  await dump.query(`lock table ${rows[0]?.tables} in access share mode`);
  return dump;
}

function runMigrate(parameters: readonly string[]) {
  return current.run(parameters, { ...database.commandSettings, DATABASE_URL: withStatementLog(database.direct) });
}

async function migrate(...parameters: readonly string[]): Promise<void> {
  const { code, output } = await runMigrate(['migrate', ...parameters]);
  facts.push([`migrate ${parameters.join(' ')}`, `exit code ${code}`, output]);
  if (code !== 0) faults.push(`migrate ${parameters.join(' ')} exited with ${code}`);
}

/** Values that only the new release writes are deleted when the operator says so. */
async function migrateDown(): Promise<void> {
  const parameters = ['down', '--to', String(schema)];
  const { code, output } = await runMigrate(['migrate', ...parameters]);
  const isRefused = code === 1 && output.includes('--delete-data');
  facts.push([`migrate ${parameters.join(' ')}`, `exit code ${code}`, output]);
  if (isRefused) await migrate(...parameters, '--delete-data');
  else if (code !== 0) faults.push(`migrate down exited with ${code}`);
}

async function checkStatements(): Promise<void> {
  const there = await findMisfits(database.direct, statements);
  const faultsThere = [...there].filter((each) => !database.misfits.has(each));
  facts.push([
    'statements of the previous release that fit the new schema',
    `${statements.length - faultsThere.length} of ${statements.length}`,
    '',
  ]);
  faults.push(...faultsThere);
}

async function cross(when: string): Promise<void> {
  const [first = '', second = ''] = nodes.urls;
  const [email = ''] = database.emails;
  const note = (direction: string, { revokedAfterMs, faults: found }: Crossing) => {
    facts.push([
      `${when}: ${direction}`,
      `${found.length} faults`,
      `revoked after ${Math.round(revokedAfterMs)} ms at most`,
    ]);
    faults.push(...found);
  };
  note('sessions of the first node on the second', await crossReleases(first, second, email, password));
  note('sessions of the second node on the first', await crossReleases(second, first, email, password));
}

/** An earlier release rejects the setting that tells it to ignore unknown ones, if it does not know it either. */
function unknownSettings(release: Release): Settings {
  const isKnown = release.knows('LATCHKEY_UNKNOWN_SETTINGS');
  const how = isKnown
    ? 'ignored with LATCHKEY_UNKNOWN_SETTINGS=warn'
    : 'taken back with the release, which knows no such setting';
  facts.push([`${release.name}: settings of a later release`, how, '']);
  return isKnown ? backToOlder : {};
}

async function checkReplica(): Promise<void> {
  const reads = async () => {
    const texts = await Promise.all(nodes.opsUrls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
    return texts.reduce(
      (sum, text) => sum + Number(/^db_replica_reads_total\{server="replica"\} (\d+)$/m.exec(text)?.[1] ?? 0),
      0,
    );
  };
  const found = await eventually(async () => (await reads()) || undefined, {
    what: 'the replica is read',
    timeoutMs: 60_000,
  });
  facts.push(['statements that were read from the replica', String(found), '']);
}

function report(): void {
  const locks = readMigrationLocks(database.cluster);
  print(['phase', 'requests', 'failed', 'p50 (ms)', 'p99 (ms)', 'longest (ms)'], phaseRows(traffic.phases));
  print(['migration', 'tries', 'locks held (ms)', 'waited (ms)', 'nodes waited (ms)'], lockRows(locks));
  const steps = facts.map((fact) => fact.map((text) => text.replaceAll('\n', ' ')));
  print(['step', 'result', ''], steps);
  const heldMs = Math.max(0, ...locks.transactions.map((each) => each.heldMs));
  const { sent, failed } = countRequests(traffic.phases);
  console.log(`${sent} requests, ${failed} failed; ${traffic.mails} mails; longest lock ${Math.round(heldMs)} ms`);
  if (failed > 0 || sent < requests) faults.push(`${failed} of ${sent} requests failed`);
  if (locks.transactions.length === 0 && schemaOf('HEAD') > schema) faults.push('the log has no migration');
  if (heldMs > longestLockMs) faults.push(`a migration held locks for ${Math.round(heldMs)} ms`);
  for (const fault of faults) console.log(`DOES NOT HOLD: ${fault}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}

function print(head: readonly string[], rows: Parameters<typeof tableLines>[1]): void {
  for (const line of tableLines(head, rows)) console.log(line);
  console.log('');
}
