/**
 * `npm run bench:gate` compares the CPU time of operations with the committed ratios and fails when one costs 15 % more.
 * `--write` commits the ratios of this run; `--plant 20` makes the server 20 % slower, so that the gate must fail.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { measureRatios } from './gate/measure.ts';
import { judge, tolerance, type Verdict } from './gate/verdict.ts';

const { values } = parseArgs({
  options: {
    write: { type: 'boolean', default: false },
    plant: { type: 'string', default: '0' },
    rounds: { type: 'string', default: '12' },
  },
});

interface Committed {
  readonly processor: string;
  readonly ratios: Readonly<Record<string, number>>;
}

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const file = new URL('./gate/ratios.json', import.meta.url);
const processor = cpus()[0]?.model ?? 'unknown';
const options = { rounds: Number(values.rounds), plantedLoss: Number(values.plant) / 100 };
if (values.write) await write();
else process.exitCode = await compare();

async function write(): Promise<void> {
  const measured = await measureRatios({ ...options, isEnough: () => true });
  const ratios = Object.fromEntries(Object.entries(measured).map(([name, ratio]) => [name, Number(ratio.toFixed(3))]));
  writeFileSync(file, `${JSON.stringify({ processor, ratios } satisfies Committed, null, 2)}\n`);
  console.log(ratios);
}

async function compare(): Promise<number> {
  const { ratios, processor: before } = JSON.parse(readFileSync(file, 'utf8')) as Committed;
  if (before !== processor)
    console.log(`the committed ratios are of another processor: ${before}; this one: ${processor}`);
  const limitOf = (name: string) => (ratios[name] ?? Number.POSITIVE_INFINITY) * (1 + tolerance);
  const measured = await measureRatios({ ...options, isEnough: (name, ratio) => ratio <= limitOf(name) });
  const verdicts = judge(ratios, measured);
  for (const verdict of verdicts) console.log(lineOf(verdict));
  const failed = verdicts.filter(({ holds }) => !holds);
  console.log(
    failed.length === 0 ? 'the gate is open' : `the gate is closed: ${failed.map(({ name }) => name).join(', ')}`,
  );
  return failed.length === 0 ? 0 : 1;
}

function lineOf({ name, committed, measured, loss, holds }: Verdict): string {
  const number = (value: number | undefined) => (value === undefined ? 'none' : value.toFixed(2)).padStart(8);
  const percent = loss === undefined ? '' : `${(loss * 100).toFixed(1)} %`;
  return `${name.padEnd(14)}${number(committed)}${number(measured)}${percent.padStart(10)}  ${holds ? '' : 'ABOVE THE LIMIT'}`.trimEnd();
}
