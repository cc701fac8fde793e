/** SIGKILL of the server on both databases while every flow of an account is in progress: acknowledged effects are durable, each with its audit event and its mails, and no effect is partial. */

import {
  type AccountCrashReport,
  type FlowReport,
  runAccountCrashTrials,
} from '../../packages/server/test/faults/account-crash-trial.ts';
import type { CrashTarget } from '../../packages/server/test/faults/deployment.ts';
import { drawSeed, readNumbers } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { trials, seed } = readNumbers({ trials: 25, seed: drawSeed() });
console.log(`seed ${seed}`);

const victims: readonly CrashTarget[] = ['server on the embedded database', 'server on PostgreSQL'];
const reports: AccountCrashReport[] = [];
for (const target of victims) reports.push(await runAccountCrashTrials(target, trials, seed));

const head = ['killed', 'flow', 'trials', 'acknowledged 2xx', 'pending, committed', 'pending, not committed'];
const rows = reports.flatMap(({ target, flows }) => flows.map((flow) => [target, ...toRow(flow)]));
for (const line of tableLines(head, rows)) console.log(line);
for (const { target, faults } of reports) {
  for (const fault of faults) console.log(`${target}, ${fault}`);
}
console.log(`lost or partial: ${reports.reduce((all, { faults }) => all + faults.length, 0)}`);
process.exitCode = reports.every(({ faults }) => faults.length === 0) ? 0 : 1;

function toRow({ flow, trials: made, acknowledged, committed, notCommitted }: FlowReport): (string | number)[] {
  return [flow, made, acknowledged, committed, notCommitted];
}
