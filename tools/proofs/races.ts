/** Two server processes on one PostgreSQL, 20 requests at once, fifty rounds each: one winner, one user, no token outlives its end. */
import { races } from '../../packages/server/test/races/all-races.ts';
import { type RaceResult, runRace } from '../../packages/server/test/races/race.ts';
import { TwoNodes, ways } from '../../packages/server/test/races/two-nodes.ts';
import { readNumbers } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { rounds } = readNumbers({ rounds: 50 });

await using postgres = await provideDatabase();
await using two = await TwoNodes.start(postgres.url);

const results: RaceResult[] = [];
for (const race of races) results.push(await runRace(two, race, rounds));

const head = ['race', 'ways', 'rounds', 'held', 'last token dead after (ms)'];
for (const line of tableLines(head, results.map(toRow))) console.log(line);
for (const { race, failures } of results) {
  for (const failure of failures) console.log(`${race.name}, ${failure}`);
}
process.exitCode = results.every(({ failures }) => failures.length === 0) ? 0 : 1;

function toRow({ race, rounds: run, failures, slowestDeathMs }: RaceResult): (string | number)[] {
  return [race.name, ways, run, run - failures.length, slowestDeathMs ?? ''];
}
