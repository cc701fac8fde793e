/**
 * `npm run bench` measures the rows of docs/guides/speed.md, each with its reference in the same run.
 * `npm run bench -- session livez` measures some rows; `--list` lists them all.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleProgram } from '../tools/bundle.ts';
import { root } from '../tools/steps.ts';
import { logoutRow } from './rows/logout.ts';
import { passwordRows } from './rows/passwords.ts';
import { peerRows } from './rows/peers.ts';
import { processRows } from './rows/process.ts';
import { refreshRow } from './rows/refresh.ts';
import { requestRows } from './rows/requests.ts';
import { secondFactorRows } from './rows/second-factors.ts';
import { moveToLoadCore } from './support/cores.ts';
import { Lab, type LabOptions } from './support/lab.ts';
import { Unavailable } from './support/peers.ts';
import { type Measurement, type Row, verdictOf } from './support/row.ts';
import { tableHead, tableLine } from './support/table.ts';

// Rows that add users of their own come before those of passwords, which start a second server with jobs.
// Logout is last: it leaves as many revocations as a day of traffic, which a starting server reads (0.1 s).
const allRows: readonly Row[] = [
  ...requestRows,
  ...secondFactorRows,
  ...passwordRows,
  refreshRow,
  ...peerRows,
  ...processRows,
  logoutRow,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '1' },
    windows: { type: 'string', default: '7' },
    profile: { type: 'string' },
    strict: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
  },
});

process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const unknown = positionals.filter((name) => !allRows.some((row) => row.name === name));
if (values.list) for (const { name, operation } of allRows) console.log(`${name.padEnd(16)} ${operation}`);
else if (unknown.length > 0) fail(`there is no row ${unknown.join(', ')}; "npm run bench -- --list" lists them`);
else process.exitCode = await measureAll(chosenRows(), options());

function chosenRows(): readonly Row[] {
  return positionals.length === 0 ? allRows : allRows.filter(({ name }) => positionals.includes(name));
}

function options(): LabOptions {
  const profileDirectory = values.profile === undefined ? undefined : resolve(values.profile);
  if (profileDirectory !== undefined) mkdirSync(profileDirectory, { recursive: true });
  return { seconds: Number(values.seconds), windows: Number(values.windows), profileDirectory };
}

/** Measures the rows in order and returns the exit code. */
async function measureAll(rows: readonly Row[], labOptions: LabOptions): Promise<number> {
  await bundleProgram(root);
  moveToLoadCore();
  const lab = new Lab(labOptions);
  const missed: string[] = [];
  console.log(tableHead());
  try {
    for (const row of rows) {
      const measurement = await measure(row, lab);
      if (measurement === undefined) continue;
      console.log(tableLine(row, measurement));
      if (verdictOf(row, measurement) === 'missed') missed.push(row.operation);
    }
  } finally {
    await lab.close();
  }
  if (missed.length === 0) return 0;
  console.log(`\nbelow their floors: ${missed.join('; ')}`);
  return values.strict ? 1 : 0;
}

async function measure(row: Row, lab: Lab): Promise<Measurement | undefined> {
  try {
    return await row.measure(lab);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.log(`${row.operation} is not measured: ${error.message}`);
    return undefined;
  }
}

function fail(sentence: string): void {
  console.error(sentence);
  process.exitCode = 2;
}
