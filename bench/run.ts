/**
 * `npm run bench`: the rows of docs/guides/speed.md that stand, each beside its reference in the same run.
 * `npm run bench -- session livez` measures some rows; `--list` names them all.
 */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { logoutRow } from './rows/logout.ts';
import { passwordRows } from './rows/passwords.ts';
import { processRows } from './rows/process.ts';
import { refreshRow } from './rows/refresh.ts';
import { requestRows } from './rows/requests.ts';
import { moveToLoadCore } from './support/cores.ts';
import { Lab, type LabOptions } from './support/lab.ts';
import { type Row, verdictOf } from './support/row.ts';
import { tableHead, tableLine } from './support/table.ts';

// Logout is last: it leaves as many endings as a day of people does, which a server that starts reads (0.1 s of them).
const allRows: readonly Row[] = [...requestRows, ...passwordRows, refreshRow, ...processRows, logoutRow];

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
else if (unknown.length > 0) refuse(`no row is called ${unknown.join(', ')}; "npm run bench -- --list" names them`);
else process.exitCode = await measureAll(chosenRows(), options());

function chosenRows(): readonly Row[] {
  return positionals.length === 0 ? allRows : allRows.filter(({ name }) => positionals.includes(name));
}

function options(): LabOptions {
  const profileDirectory = values.profile === undefined ? undefined : resolve(values.profile);
  if (profileDirectory !== undefined) mkdirSync(profileDirectory, { recursive: true });
  return { seconds: Number(values.seconds), windows: Number(values.windows), profileDirectory };
}

/** Measures row by row; answers the exit code. */
async function measureAll(rows: readonly Row[], labOptions: LabOptions): Promise<number> {
  moveToLoadCore();
  const lab = new Lab(labOptions);
  const missed: string[] = [];
  console.log(tableHead());
  try {
    for (const row of rows) {
      const finding = await row.measure(lab);
      console.log(tableLine(row, finding));
      if (verdictOf(row, finding) === 'missed') missed.push(row.operation);
    }
  } finally {
    await lab.close();
  }
  if (missed.length === 0) return 0;
  console.log(`\nbelow their floors: ${missed.join('; ')}`);
  return values.strict ? 1 : 0;
}

function refuse(sentence: string): void {
  console.error(sentence);
  process.exitCode = 2;
}
