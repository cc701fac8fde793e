/** Every parser reads 100,000 mutations of valid input: it throws nothing but its declared refusals, and none takes 50 ms. */
import { type FuzzResult, fuzz } from '../../packages/server/test/parsers/parser.ts';
import { parsers } from '../../packages/server/test/parsers/parsers.ts';
import { drawSeed, readNumbersAndWords } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { numbers, words } = readNumbersAndWords({ mutations: 100_000, seed: drawSeed() });
const chosen = parsers.filter(({ module, name }) => words.every((word) => `${module} ${name}`.includes(word)));
if (chosen.length === 0) throw new Error(`there are: ${parsers.map(({ name }) => name).join(', ')}`);
console.log(`seed ${numbers.seed}`);

const results: FuzzResult[] = [];
for (const parser of chosen) results.push(await fuzz(parser, numbers.mutations, numbers.seed));

const head = ['parser', 'read', 'refused', 'slowest (ms)', 'faults'];
for (const line of tableLines(head, results.map(toRow))) console.log(line);
for (const { parser, faults } of results) for (const fault of faults) console.log(`${parser}: ${fault}`);
process.exitCode = results.every(({ faults }) => faults.length === 0) ? 0 : 1;

function toRow({ parser, read, refused, slowestMs, faults }: FuzzResult): (string | number)[] {
  return [parser, read, refused, Math.round(slowestMs * 10) / 10, faults.length];
}
