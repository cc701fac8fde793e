/** SIGKILL of the server on both databases while every flow of an account is in progress: acknowledged effects are durable, each with its audit event and its mails, and no effect is partial. */
import type { Victim } from '../../packages/server/test/faults/deployment.ts';
import { type FlowReport, type LifeReport, runLifeTrials } from '../../packages/server/test/faults/life-trial.ts';
import { drawSeed, readNumbers } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { trials, seed } = readNumbers({ trials: 25, seed: drawSeed() });
console.log(`seed ${seed}`);

const victims: readonly Victim[] = ['server on the embedded database', 'server on PostgreSQL'];
const reports: LifeReport[] = [];
for (const victim of victims) reports.push(await runLifeTrials(victim, trials, seed));

const head = ['killed', 'flow', 'trials', 'acknowledged 2xx', 'pending, committed', 'pending, not committed'];
const rows = reports.flatMap(({ victim, flows }) => flows.map((flow) => [victim, ...toRow(flow)]));
for (const line of tableLines(head, rows)) console.log(line);
for (const { victim, faults } of reports) {
  for (const fault of faults) console.log(`${victim}, ${fault}`);
}
console.log(`lost or partial: ${reports.reduce((all, { faults }) => all + faults.length, 0)}`);
process.exitCode = reports.every(({ faults }) => faults.length === 0) ? 0 : 1;

function toRow({ flow, trials: made, answered, happened, vanished }: FlowReport): (string | number)[] {
  return [flow, made, answered, happened, vanished];
}
