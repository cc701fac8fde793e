/** Interrupts a scenario between its statements and checks the result each time. */
import { findPartialEffects } from '../partial-effects.ts';
import type { FaultyApplication } from './faulty-application.ts';
import { type InterruptionPoint, interruptionPoints } from './interruption-points.ts';
import { deleteAllUsers, describeChanges, type Snapshot, takeSnapshot } from './row-changes.ts';
import type { Prepared, Result, Scenario } from './scenario.ts';

export interface InterruptionReport {
  readonly interruptions: number;
  /** One sentence for each violation. */
  readonly faults: readonly string[];
}

/** Runs the scenario once to record the whole effect; then interrupts it at the points that `isChosen` accepts. */
export async function interruptScenario(
  deployment: FaultyApplication,
  scenario: Scenario,
  isChosen: (point: InterruptionPoint) => boolean,
): Promise<InterruptionReport> {
  await deployment.inspect(deleteAllUsers);
  const { fullEffect, faults, sent } = await runUninterrupted(deployment, scenario);
  let interruptions = 0;
  for (const point of interruptionPoints(sent)) {
    if (!isChosen(point)) continue;
    const found = await interruptAt(deployment, scenario, fullEffect, point);
    if (found === undefined) continue;
    interruptions += 1;
    faults.push(...found.map((fault) => `${point.between}: ${fault}`));
  }
  return { interruptions, faults };
}

async function snapshot(deployment: FaultyApplication): Promise<Snapshot> {
  return deployment.inspect(takeSnapshot);
}

/** Creates what depends on time alone, such as the key of a new month, before the first snapshot. */
async function prepare({ app }: FaultyApplication, scenario: Scenario): Promise<Prepared> {
  const prepared = await scenario.prepare(app);
  await app.services.keys.refresh();
  return prepared;
}

async function runUninterrupted(deployment: FaultyApplication, scenario: Scenario) {
  const prepared = await prepare(deployment, scenario);
  const before = await snapshot(deployment);
  const { result, sent } = await deployment.injector.record(prepared.run);
  const fullEffect = changesOf(scenario, before, await snapshot(deployment));
  const faults: string[] = [];
  if (result !== expectedResult(scenario)) faults.push(`uninterrupted, it returned ${result}`);
  const { audit, mail = [] } = scenario;
  expectRows(faults, fullEffect, 'audit_events', audit);
  expectRows(faults, fullEffect, 'mail_ledger', mail);
  expectRows(faults, fullEffect, 'jobs', scenario.jobs ?? mail.map(() => 'mail.send'));
  faults.push(...(await checkIdempotency(deployment, scenario, prepared, before, fullEffect)));
  if (!(await prepared.isComplete())) faults.push('uninterrupted, it does not reach its end state');
  return { fullEffect, faults, sent };
}

function changesOf({ optionalRows = [] }: Scenario, before: Snapshot, after: Snapshot): string[] {
  return describeChanges(before, after).filter((line) => !optionalRows.includes(line));
}

/** The table has exactly these new rows; the label of a row starts with its name. */
function expectRows(faults: string[], fullEffect: readonly string[], table: string, names: readonly string[]): void {
  const start = `+ ${table} `;
  const found = fullEffect
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length).split(' ')[0]);
  if (found.join() !== [...names].sort().join()) faults.push(`uninterrupted, it writes ${table} ${found.join(' ')}`);
}

/** The violations after an interruption; undefined when the scenario completed before that statement. */
async function interruptAt(
  deployment: FaultyApplication,
  scenario: Scenario,
  fullEffect: readonly string[],
  { count, timing }: InterruptionPoint,
): Promise<string[] | undefined> {
  const prepared = await prepare(deployment, scenario);
  const before = await snapshot(deployment);
  deployment.injector.arm(count, timing);
  const result = await prepared.run();
  if (!deployment.injector.disarm()) return undefined;
  const changes = changesOf(scenario, before, await snapshot(deployment));
  return [
    ...checkEffect(scenario, fullEffect, changes, result),
    ...checkFailure(deployment, scenario, changes, result),
    ...(await checkIdempotency(deployment, scenario, prepared, before, fullEffect)),
    ...(await checkRetry(prepared, scenario, changes)),
    ...(await deployment.inspect(findPartialEffects)),
  ];
}

function expectedResult({ result = 'done' }: Scenario): Result {
  return result;
}

/** The effect is complete or absent, and complete if the result reports success. */
function checkEffect(
  scenario: Scenario,
  fullEffect: readonly string[],
  changes: readonly string[],
  result: Result,
): string[] {
  const isComplete = changes.join('\n') === fullEffect.join('\n');
  if (result === expectedResult(scenario) && !isComplete)
    return [`it returned ${result}, but the changes are: ${changes.join('; ')}`];
  if (isComplete || changes.length === 0) return [];
  const rows = new Set(fullEffect.map(rowOf));
  const isPart = changes.every((line) => rows.has(rowOf(line)));
  return scenario.commitsInParts === true && isPart
    ? []
    : [`it returned ${result}, with a partial effect: ${changes.join('; ')}`];
}

/** The row of a line, without its columns: a row that changes twice may be at an intermediate state. */
function rowOf(line: string): string {
  return line.replace(/:.*/, '');
}

/** A failure must be retryable, and must not claim that nothing happened when something did. */
function checkFailure(
  { app }: FaultyApplication,
  scenario: Scenario,
  changes: readonly string[],
  result: Result,
): string[] {
  if (result === expectedResult(scenario)) return [];
  // The embedded database reports a plain error, which counts as a bug; on PostgreSQL the connection is lost.
  if (app.services.database.kind === 'embedded')
    return result === 'internal' || result === 'page 500' ? [] : [`it returned ${result}`];
  const hasNoEffect = changes.length === 0 || scenario.commitsInParts === true;
  const allowed = ['outcome_unknown', 'page 503', ...(hasNoEffect ? ['unavailable', 'busy'] : [])];
  return allowed.includes(result) ? [] : [`it returned ${result}, but the changes are: ${changes.join('; ')}`];
}

/** For idempotent scenarios: a second run leaves the rows of one run. */
async function checkIdempotency(
  deployment: FaultyApplication,
  scenario: Scenario,
  prepared: Prepared,
  before: Snapshot,
  fullEffect: readonly string[],
): Promise<string[]> {
  if (scenario.isIdempotent !== true) return [];
  const result = await prepared.run();
  const changes = changesOf(scenario, before, await snapshot(deployment));
  const isUnchanged = result === expectedResult(scenario) && changes.join('\n') === fullEffect.join('\n');
  return isUnchanged ? [] : [`run again, it returned ${result}, and the changes are: ${changes.join('; ')}`];
}

async function checkRetry(prepared: Prepared, scenario: Scenario, changes: readonly string[]): Promise<string[]> {
  const result = await prepared.run();
  const isAllowed = result === expectedResult(scenario) || (changes.length > 0 && result === scenario.retryResult);
  const faults = isAllowed ? [] : [`the retry returned ${result}`];
  return (await prepared.isComplete()) ? faults : [...faults, 'after the retry, the end state is not reached'];
}
