/** Two server processes on one PostgreSQL, 20 concurrent requests, fifty rounds for each race: one request wins, one user is created, no revoked token is accepted. */
import { races } from '../../packages/server/test/races/all-races.ts';
import { type RaceResult, runRace } from '../../packages/server/test/races/race.ts';
import { concurrency, TwoNodes } from '../../packages/server/test/races/two-nodes.ts';
import { readNumbersAndWords } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { numbers, words } = readNumbersAndWords({ rounds: 50 });
const chosen = races.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) throw new Error(`there are: ${races.map(({ name }) => name).join(', ')}`);

await using postgres = await provideDatabase();
await using nodes = await TwoNodes.start(postgres.url);

const results: RaceResult[] = [];
for (const race of chosen) results.push(await runRace(nodes, race, numbers.rounds));

const head = ['race', 'ways', 'rounds', 'held', 'last token rejected after (ms)', 'outcomes'];
for (const line of tableLines(head, results.map(toRow))) console.log(line);
for (const { race, failures } of results) {
  for (const failure of failures) console.log(`${race.name}, ${failure}`);
}
process.exitCode = results.every(({ failures }) => failures.length === 0) ? 0 : 1;

function toRow({ race, rounds: run, failures, slowestRejectionMs, outcomes }: RaceResult): (string | number)[] {
  const cameOut = [...outcomes].sort(([a], [b]) => a.localeCompare(b)).map(([outcome, times]) => `${outcome} ${times}`);
  return [race.name, concurrency, run, run - failures.length, slowestRejectionMs ?? '', cameOut.join(', ')];
}
