/** Interrupts a scenario at every statement, and looks each time what came of it. */
import { findHalfDone } from '../half-done.ts';
import type { Moment } from './fuse.ts';
import type { Place } from './places.ts';
import { describeChanges, forgetEverybody, type Picture, takePicture } from './row-changes.ts';
import type { Begun, Scenario, Told } from './scenario.ts';

/** What came of all interruptions of one scenario. */
export interface Report {
  /** How often it was interrupted. */
  readonly interruptions: number;
  /** One sentence for everything that does not hold. */
  readonly faults: readonly string[];
}

const moments: readonly Moment[] = ['before', 'after'];

/** More statements than any operation sends: what is still interrupted then never ends. */
const statementsAtMost = 200;

/** Lets it through once, to know the whole effect; then interrupts it at one statement after the other. */
export async function interruptEverywhere(place: Place, scenario: Scenario): Promise<Report> {
  await place.look(forgetEverybody);
  const { whole, faults } = await letThrough(place, scenario);
  let interruptions = 0;
  for (const moment of moments) {
    let point = 0;
    for (; point < statementsAtMost; point += 1) {
      const found = await interruptAt(place, scenario, whole, point, moment);
      if (found === undefined) break;
      interruptions += 1;
      faults.push(...found.map((fault) => `${moment} statement ${point}: ${fault}`));
    }
    if (point === statementsAtMost) faults.push('it never got through');
  }
  return { interruptions, faults };
}

async function picture(place: Place): Promise<Picture> {
  return place.look(takePicture);
}

/** What the time brings by itself, such as the key of a month that a scenario moved to, is there before it is looked at. */
async function begin({ app }: Place, scenario: Scenario): Promise<Begun> {
  const begun = await scenario.begin(app);
  await app.services.keys.refresh();
  return begun;
}

async function letThrough(place: Place, scenario: Scenario) {
  const begun = await begin(place, scenario);
  const before = await picture(place);
  const told = await begun.ask();
  const whole = changesOf(scenario, before, await picture(place));
  const faults: string[] = [];
  if (told !== expectedOf(scenario)) faults.push(`undisturbed, it answers ${told}`);
  const { audit, mail = [] } = scenario;
  expectRows(faults, whole, 'audit_events', audit);
  expectRows(faults, whole, 'mail_ledger', mail);
  expectRows(faults, whole, 'jobs', scenario.jobs ?? mail.map(() => 'mail.send'));
  faults.push(...(await judgeDoneTwice(place, scenario, begun, before, whole)));
  if (!(await begun.isSettled())) faults.push('undisturbed, it does not end as it must');
  return { whole, faults };
}

function changesOf({ madeLater = [] }: Scenario, before: Picture, after: Picture): string[] {
  return describeChanges(before, after).filter((line) => !madeLater.includes(line));
}

/** The new rows of the table are these and no others: the label of a row begins with what it is. */
function expectRows(faults: string[], whole: readonly string[], table: string, names: readonly string[]): void {
  const start = `+ ${table} `;
  const found = whole.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length).split(' ')[0]);
  if (found.join() !== [...names].sort().join()) faults.push(`undisturbed, it writes ${table} ${found.join(' ')}`);
}

/** What does not hold after an interruption there; undefined when it was through before. */
async function interruptAt(
  place: Place,
  scenario: Scenario,
  whole: readonly string[],
  point: number,
  moment: Moment,
): Promise<string[] | undefined> {
  const begun = await begin(place, scenario);
  const before = await picture(place);
  place.fuse.set(point, moment);
  const told = await begun.ask();
  if (!place.fuse.remove()) return undefined;
  const changes = changesOf(scenario, before, await picture(place));
  return [
    ...judgeEffect(scenario, whole, changes, told),
    ...judgeWords(place, scenario, changes, told),
    ...(await judgeDoneTwice(place, scenario, begun, before, whole)),
    ...(await judgeRepetition(begun, scenario, changes)),
    ...(await place.look(findHalfDone)),
  ];
}

function expectedOf({ told = 'done' }: Scenario): Told {
  return told;
}

/** The effect is there whole or not at all, and it is there when the answer says so. */
function judgeEffect(scenario: Scenario, whole: readonly string[], changes: readonly string[], told: Told): string[] {
  const isWhole = changes.join('\n') === whole.join('\n');
  if (told === expectedOf(scenario) && !isWhole) return [`told ${told}, and what is there is: ${changes.join('; ')}`];
  if (isWhole || changes.length === 0) return [];
  const rows = new Set(whole.map(rowOf));
  const isPart = changes.every((line) => rows.has(rowOf(line)));
  return scenario.inParts === true && isPart ? [] : [`told ${told}, half done: ${changes.join('; ')}`];
}

/** Which row a line is about, without its columns: of one that changes twice a part is there in between. */
function rowOf(line: string): string {
  return line.replace(/:.*/, '');
}

/** Who is not told the expected is told to come back, and is not told that nothing happened when it did. */
function judgeWords({ app }: Place, scenario: Scenario, changes: readonly string[], told: Told): string[] {
  if (told === expectedOf(scenario)) return [];
  // A statement that fails for no reason is a bug to the product; a connection that was lost is not.
  if (app.services.database.kind === 'embedded')
    return told === 'internal' || told === 'page 500' ? [] : [`told ${told}`];
  const nothingHappened = changes.length === 0 || scenario.inParts === true;
  const honest = ['outcome_unknown', 'page 503', ...(nothingHappened ? ['unavailable', 'busy'] : [])];
  return honest.includes(told) ? [] : [`told ${told}, and what is there is: ${changes.join('; ')}`];
}

/** For what must be done once: done again, it leaves what one undisturbed time leaves. */
async function judgeDoneTwice(
  place: Place,
  scenario: Scenario,
  begun: Begun,
  before: Picture,
  whole: readonly string[],
): Promise<string[]> {
  if (scenario.once !== true) return [];
  const told = await begun.ask();
  const changes = changesOf(scenario, before, await picture(place));
  const isOnce = told === expectedOf(scenario) && changes.join('\n') === whole.join('\n');
  return isOnce ? [] : [`done again, it tells ${told}, and what is there is: ${changes.join('; ')}`];
}

async function judgeRepetition(begun: Begun, scenario: Scenario, changes: readonly string[]): Promise<string[]> {
  const told = await begun.ask();
  const isFine = told === expectedOf(scenario) || (changes.length > 0 && told === scenario.again);
  const faults = isFine ? [] : [`asked again, it tells ${told}`];
  return (await begun.isSettled()) ? faults : [...faults, 'asked again, it does not end as it must'];
}
