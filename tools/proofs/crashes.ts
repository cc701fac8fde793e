/** SIGKILL of the server on both databases and of PostgreSQL at random points of the journey: acknowledged effects are durable, and no effect is partial. */
import { type CrashReport, runCrashTrials } from '../../packages/server/test/faults/crash-trial.ts';
import { crashTargets } from '../../packages/server/test/faults/deployment.ts';
import { drawSeed, readNumbers } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { trials, seed } = readNumbers({ trials: 50, seed: drawSeed() });
console.log(`seed ${seed}`);

const reports: CrashReport[] = [];
for (const target of crashTargets) reports.push(await runCrashTrials(target, trials, seed));

const head = ['killed', 'trials', 'acknowledged 2xx', 'pending', 'lost or partial'];
for (const line of tableLines(head, reports.map(toRow))) console.log(line);
for (const { target, faults } of reports) {
  for (const fault of faults) console.log(`${target}, ${fault}`);
}
process.exitCode = reports.every(({ faults }) => faults.length === 0) ? 0 : 1;

function toRow({ target, trials: made, acknowledged, pending, faults }: CrashReport): (string | number)[] {
  return [target, made, acknowledged, pending, faults.length];
}
