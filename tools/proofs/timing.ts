/** Login, requests for login links and codes, password reset, registration and sign-up codes, by API and page, for seven states of an account, 1,000 interleaved samples each: response times distinguish no two states (area under the curve 0.45 to 0.55). */
import { measure } from '../../packages/server/test/timing/measure.ts';
import { userStates } from '../../packages/server/test/timing/states.ts';
import { operations, type TimingTrial } from '../../packages/server/test/timing/trial.ts';
import { readNumbersAndWords } from './support/options.ts';
import { provideDatabase } from './support/provide-database.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

const databases = ['postgres', 'embedded'];
const tolerance = 0.05;

endWithSignals();
const { numbers, words } = readNumbersAndWords({ samples: 1000 });
const chosen = databases.filter((name) => words.length === 0 || words.includes(name));
if (chosen.length === 0) throw new Error(`there are: ${databases.join(', ')}`);

const faults: string[] = [];
for (const name of chosen) {
  const trial = name === 'embedded' ? await measure('embedded', numbers.samples) : await measureOnPostgres();
  print(name, trial);
  faults.push(...trial.faults({ ...numbers, tolerance }).map((fault) => `${name}: ${fault}`));
}
for (const fault of faults) console.log(fault);
process.exitCode = faults.length === 0 ? 0 : 1;

async function measureOnPostgres(): Promise<TimingTrial> {
  await using postgres = await provideDatabase();
  return await measure(postgres.url, numbers.samples);
}

function print(database: string, trial: TimingTrial): void {
  const times = operations.flatMap(({ name }) =>
    userStates.map((state) => [name, state, ...quartiles(trial.samplesOf(name, state))]),
  );
  console.log(`\n${database}`);
  for (const line of tableLines(['operation', 'state', 'samples', 'lower', 'median', 'upper (ms)'], times)) {
    console.log(line);
  }
  const pairs = trial.pairs().map(({ operation, states, area }) => [operation, ...states, rounded(area, 3)]);
  console.log('');
  for (const line of tableLines(['operation', 'one', 'another', 'area under the curve'], pairs)) console.log(line);
}

function quartiles(samples: readonly number[]): number[] {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.floor(share * sorted.length)] ?? Number.NaN, 2);
  return [sorted.length, at(0.25), at(0.5), at(0.75)];
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
