/**
 * `npm run bench:gate` compares the CPU time of operations with those of the committed base in the same run, and fails when one
 * costs 15 % more; `npm run bench:gate login session` compares these alone. `--write` makes the current commit the base; `--plant 20`
 * makes this version 20 % slower, so that the gate must fail.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bundleProgram } from '../tools/bundle.ts';
import { checkOut } from '../tools/checkout.ts';
import { root } from '../tools/steps.ts';
import { compareWithBase } from './gate/measure.ts';
import { readOperations } from './gate/operations.ts';
import type { Verdict } from './gate/verdict.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean', default: false },
    plant: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '12' },
    base: { type: 'string' },
  },
});

interface Base {
  readonly commit: string;
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const file = new URL('./gate/base.json', import.meta.url);
if (values.write) write();
else process.exitCode = await compare();

function write(): void {
  const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
  writeFileSync(file, `${JSON.stringify({ commit } satisfies Base, null, 2)}\n`);
  console.log(`the base is ${commit}`);
}

async function compare(): Promise<number> {
  const commit = values.base ?? (JSON.parse(readFileSync(file, 'utf8')) as Base).commit;
  await bundleProgram(root);
  using base = checkOut(commit);
  const operations = readOperations(positionals);
  const options = { baseDirectory: base.directory, rounds: Number(values.rounds), operations };
  const verdicts = await compareWithBase({ ...options, plantedLoss: Number(values.plant) / 100 });
  for (const verdict of verdicts) console.log(lineOf(verdict));
  const failed = verdicts.filter(({ holds }) => !holds);
  console.log(
    failed.length === 0
      ? `the gate is open against ${commit}`
      : `the gate is closed against ${commit}: ${failed.map(({ name }) => name).join(', ')}`,
  );
  return failed.length === 0 ? 0 : 1;
}

function lineOf({ name, loss, holds }: Verdict): string {
  const percent = `${loss > 0 ? '+' : ''}${(loss * 100).toFixed(1)} %`;
  return `${name.padEnd(14)}${percent.padStart(10)}  ${holds ? '' : 'ABOVE THE LIMIT'}`.trimEnd();
}
