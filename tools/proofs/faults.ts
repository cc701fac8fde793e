/** Two hundred faults of PostgreSQL, Redis and SMTP (killed, frozen, slow, reset, full, read-only …) under two nodes and a light load: 503 with Retry-After and a reason, no 500, no request above its bound, well again within 10 s, no acknowledged write lost, no mail lost. */

import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../../packages/server/test/faults/seeded-random.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { type FaultDeployment, openFaultDeployment, type Service } from './support/fault-deployment.ts';
import { type Fault, faults } from './support/fault-kinds.ts';
import { JourneyLoad, type Sample } from './support/journey-load.ts';
import { drawSeed, readNumbersAndWords } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { numbers, words } = readNumbersAndWords({ trials: 200, seed: drawSeed() });
const random = seededRandom(numbers.seed);
const wellWithinMs = 10_000;
/** docs/reference/dependencies.md: every request is refused within 5 s; one more for a busy machine. */
const longestMs = 6000;
const smallDiskMegabytes = 64;
const mailsWithinMs = 120_000;

/** The check of readiness for each service. That of the mail server is known again with the next mail, and concerns no request. */
const checks: Readonly<Record<Service, string>> = { PostgreSQL: 'database', Redis: 'redis', SMTP: 'database' };

interface Trial {
  readonly fault: Fault;
  readonly samples: readonly Sample[];
  readonly promises: number;
  readonly wellMs: number;
  readonly tookMs: number;
  readonly found: readonly string[];
}

const trials: Trial[] = [];
const mails = { caused: 0, delivered: 0 };
const chosen = drawTrials();
console.log(`${chosen.length} trials, --seed ${numbers.seed}`);
for (const needsSmallDisk of [false, true]) {
  const these = chosen.filter((fault) => (fault.needsSmallDisk ?? false) === needsSmallDisk);
  if (these.length > 0) await runAll(these, needsSmallDisk ? smallDiskMegabytes : undefined);
}
print();

/** As many of each fault as possible, in an order of their own in each round. */
function drawTrials(): Fault[] {
  const named = faults.filter(({ service, name }) => words.every((word) => `${service} ${name}`.includes(word)));
  if (named.length === 0) throw new Error(`no fault is called "${words.join(' ')}"`);
  const drawn: Fault[] = [];
  while (drawn.length < numbers.trials) {
    const round = [...named];
    while (round.length > 0) drawn.push(...round.splice(random.between(0, round.length - 1), 1));
  }
  return drawn.slice(0, numbers.trials);
}

async function runAll(these: readonly Fault[], diskMegabytes: number | undefined): Promise<void> {
  await using deployment = await openFaultDeployment(diskMegabytes);
  await using load = new JourneyLoad(deployment.nodes, deployment.users);
  await load.wellSince(performance.now());
  for (const fault of these) {
    const trial = await run(fault, deployment, load);
    trials.push(trial);
    note(trial);
  }
  await load.stop();
  mails.caused += load.registered.length;
  mails.delivered += await countDelivered(deployment, load.registered);
}

async function run(fault: Fault, deployment: FaultDeployment, load: JourneyLoad): Promise<Trial> {
  const [shortest, longest] = fault.seconds;
  const holdMs = random.between(shortest * 1000, longest * 1000);
  load.begin(checks[fault.service]);
  const shedBefore = await countShed(deployment);
  const beganMs = performance.now();
  await fault.begin(deployment);
  await pause(holdMs);
  await fault.end(deployment);
  const endedMs = performance.now();
  const lastMs = await load.wellSince(endedMs);
  const operator = await deployment.operator();
  const { promises, lost } = await load.verify(operator);
  await operator.end();
  const { samples } = load;
  const shed = (await countShed(deployment)) - shedBefore;
  const wellMs = lastMs - endedMs;
  return {
    fault,
    samples,
    promises,
    wellMs,
    tookMs: performance.now() - beganMs,
    found: [
      ...lost,
      ...(wellMs > wellWithinMs ? [`well again only after ${seconds(wellMs)} s`] : []),
      ...new Set(samples.flatMap((sample) => faultsOf(sample, fault, shed > 0))),
    ],
  };
}

/** The faults that a sample shows. */
function faultsOf(sample: Sample, { service }: Fault, sheds: boolean): string[] {
  const { operation, status, code, hasRetryAfter, isGood, sentMs, endMs, loop } = sample;
  const found: string[] = [];
  if (endMs - sentMs > longestMs) found.push(`${operation} took ${seconds(endMs - sentMs)} s (${status} ${code})`);
  if (isGood || (loop === 'probes' && status > 0)) return found;
  if (status !== 503) found.push(`${operation} got ${status} ${code}`);
  else if (!hasRetryAfter) found.push(`${operation} got 503 ${code} without Retry-After`);
  else if (service !== 'PostgreSQL' && !(sheds && code === 'busy'))
    found.push(`${operation} got 503 ${code} though PostgreSQL is well`);
  return found;
}

/** Requests that the nodes have shed: other programs of the machine may need its cores. */
async function countShed({ nodes }: FaultDeployment): Promise<number> {
  let shed = 0;
  for (const { opsUrl } of nodes) {
    const text = await (await fetch(`${opsUrl}/metrics`)).text();
    for (const [, count] of text.matchAll(/^http_requests_shed_total\{.*\} (\d+)$/gm)) shed += Number(count);
  }
  return shed;
}

/** Mails wait for their next attempt, up to ten minutes; it is brought forward until none is left. */
async function countDelivered(deployment: FaultDeployment, recipients: readonly string[]): Promise<number> {
  const operator = await deployment.operator();
  const delivered = () => {
    const all = new Set(deployment.smtp.accepted.flatMap(({ to }) => to));
    return recipients.filter((email) => all.has(email)).length;
  };
  const untilMs = performance.now() + mailsWithinMs;
  const isDone = async () => {
    await operator.query(
      `update jobs set run_at = now() where state = 'queued' and leased_until is null and run_at > now()`,
    );
    return delivered() === recipients.length || performance.now() > untilMs;
  };
  await eventually(isDone, { what: 'the mails are delivered', timeoutMs: mailsWithinMs + 10_000 });
  await operator.end();
  return delivered();
}

/** Shows that the proof goes on; the table follows at the end. */
function note({ fault, wellMs, tookMs, samples, found }: Trial): void {
  const refused = samples.filter(({ isGood, loop }) => !isGood && loop !== 'probes').length;
  const line = [
    `${trials.length}/${chosen.length}`,
    `${fault.service} ${fault.name}`,
    `well after ${seconds(wellMs)} s`,
    `${refused} refused`,
    `${seconds(tookMs)} s`,
    ...found,
  ];
  console.log(line.join(' · '));
}

function print(): void {
  const head = [
    'service',
    'fault',
    'trials',
    'requests',
    'refused',
    'longest (s)',
    'well after (s)',
    'promises',
    'faults',
  ];
  const byKind = Map.groupBy(trials, ({ fault }) => fault);
  const rows = [...byKind].map(([{ service, name }, all]) => {
    const samples = all.flatMap((trial) => trial.samples).filter(({ loop }) => loop !== 'probes');
    const longest = Math.max(0, ...samples.map(({ sentMs, endMs }) => endMs - sentMs));
    return [
      service,
      name,
      all.length,
      samples.length,
      samples.filter(({ isGood }) => !isGood).length,
      seconds(longest),
      seconds(Math.max(...all.map(({ wellMs }) => wellMs))),
      all.reduce((sum, { promises }) => sum + promises, 0),
      all.reduce((sum, { found }) => sum + found.length, 0),
    ];
  });
  const ordered = rows.toSorted((a, b) => `${a[0]} ${a[1]}`.localeCompare(`${b[0]} ${b[1]}`));
  for (const line of tableLines(head, ordered)) console.log(line);
  const tookMs = trials.reduce((sum, trial) => sum + trial.tookMs, 0);
  console.log(`${seconds(tookMs / trials.length)} s a trial; --seed ${numbers.seed}`);
  console.log(`mails: ${mails.caused} caused, ${mails.delivered} delivered`);
  const found = trials.flatMap(({ fault, found: all }) => all.map((each) => `${fault.service} ${fault.name}: ${each}`));
  if (mails.delivered < mails.caused) found.push(`${mails.caused - mails.delivered} mails are lost`);
  for (const each of found) console.log(each);
  process.exitCode = trials.length > 0 && found.length === 0 ? 0 : 1;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(1);
}
