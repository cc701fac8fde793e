/** The gate of the bench is open for the same version a second time, and closed once it loses 20 %. */
import { compareWithBase } from '../../bench/gate/measure.ts';
import { readOperations } from '../../bench/gate/operations.ts';
import type { Verdict } from '../../bench/gate/verdict.ts';
import { root } from '../steps.ts';
import { readNumbersAndWords } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const {
  numbers: { rounds, loss },
  words,
} = readNumbersAndWords({ rounds: 12, loss: 20 });
const options = { baseDirectory: root, rounds, operations: readOperations(words) };

const same = await compareWithBase(options);
const slower = await compareWithBase({ ...options, plantedLoss: loss / 100 });

const percent = (verdict: Verdict | undefined) => `${((verdict?.loss ?? Number.NaN) * 100).toFixed(1)} %`;
const rows = same.map((verdict) => [
  verdict.name,
  percent(verdict),
  percent(slower.find(({ name }) => name === verdict.name)),
]);
for (const line of tableLines(['operation', 'the same', `with a loss of ${loss} %`], rows)) console.log(line);
const isOpen = same.every(({ holds }) => holds);
const isClosed = slower.some(({ holds }) => !holds);
console.log(`the gate is ${isOpen ? 'open' : 'CLOSED'} without a loss, and ${isClosed ? 'closed' : 'OPEN'} with it`);
process.exitCode = isOpen && isClosed ? 0 : 1;
