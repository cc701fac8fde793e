/** Mutation testing of kernel, protocol, authentication and passwords: the tests beside the files detect at least 80 of 100 mutants of each part. */
import { mutatedModules } from '../mutants/modules.ts';
import { type Mutants, runStryker } from '../mutants/run-stryker.ts';
import { readNumbersAndWords } from './support/options.ts';
import { endWithSignals } from './support/signals.ts';
import { tableLines } from './support/table.ts';

endWithSignals();
const { numbers, words } = readNumbersAndWords({ concurrency: 2, least: 80, survivors: 0 });
const chosen = mutatedModules.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
if (chosen.length === 0) throw new Error(`there are: ${mutatedModules.map(({ name }) => name).join(', ')}`);

const rows: (string | number)[][] = [];
const parts = new Map<string, Mutants[]>();
for (const module of chosen) {
  const start = performance.now();
  const mutants = await runStryker(module, numbers.concurrency);
  const row = [module.name, ...toCells(mutants), Math.round((performance.now() - start) / 1000)];
  rows.push(row);
  console.log(row.join(' '));
  parts.set(module.part, [...(parts.get(module.part) ?? []), mutants]);
  for (const { place, mutator, replacement } of mutants.survivors.slice(0, numbers.survivors)) {
    console.log(`survived: ${place} ${mutator} ${replacement}`);
  }
}
for (const line of tableLines(['module', 'mutants', 'survived', 'score', 'seconds'], rows)) console.log(line);

const scores = [...parts].map(([part, mutants]): [string, number] => [part, round(scoreOf(mutants))]);
console.log('');
for (const line of tableLines(['part', 'score'], scores)) console.log(line);
process.exitCode = scores.every(([, score]) => score >= numbers.least) ? 0 : 1;

function toCells(mutants: Mutants): number[] {
  return [mutants.killed + mutants.survived, mutants.survived, round(scoreOf([mutants]))];
}

/** The detected mutants of 100. */
function scoreOf(mutants: readonly Mutants[]): number {
  const killed = mutants.reduce((sum, one) => sum + one.killed, 0);
  const survived = mutants.reduce((sum, one) => sum + one.survived, 0);
  return killed + survived === 0 ? 0 : (100 * killed) / (killed + survived);
}

function round(score: number): number {
  return Math.round(score * 10) / 10;
}
