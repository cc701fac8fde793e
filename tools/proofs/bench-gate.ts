/** The gate of the bench is open for the same server a second time, and closed once the server loses 20 %. */
import { measureRatios } from '../../bench/gate/measure.ts';
import { operationNames } from '../../bench/gate/operations.ts';
import { judge, tolerance, type Verdict } from '../../bench/gate/verdict.ts';
import { readNumbers } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { rounds, loss } = readNumbers({ rounds: 12, loss: 20 });

const before = await measureRatios({ rounds, isEnough: () => true });
const isEnough = (name: string, ratio: number) => ratio <= (before[name] ?? 0) * (1 + tolerance);
const same = judge(before, await measureRatios({ rounds, isEnough }));
const slower = judge(before, await measureRatios({ rounds, isEnough, plantedLoss: loss / 100 }));

const percent = (verdicts: readonly Verdict[], name: string) => {
  const verdict = verdicts.find((one) => one.name === name);
  return `${((verdict?.loss ?? Number.NaN) * 100).toFixed(1)} %`;
};
const rows = operationNames.map((name) => [
  name,
  Number(before[name]?.toFixed(2)),
  percent(same, name),
  percent(slower, name),
]);
const head = ['operation', 'ratio', 'measured again', `with a loss of ${loss} %`];
for (const line of tableLines(head, rows)) console.log(line);
const isOpen = same.every(({ holds }) => holds);
const isClosed = slower.some(({ holds }) => !holds);
console.log(`the gate is ${isOpen ? 'open' : 'CLOSED'} without a loss, and ${isClosed ? 'closed' : 'OPEN'} with it`);
process.exitCode = isOpen && isClosed ? 0 : 1;
