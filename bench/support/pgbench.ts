/** The reference of effects: pgbench running the product's own statement. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assert } from '../../packages/server/src/kernel/assert.ts';
import { declaredStatements } from '../../packages/server/src/platform/database/index.ts';
import { providePostgresBinaries } from '../../packages/server/test/support/postgres-binaries.ts';

/** The number of clients in docs/guides/speed.md. */
export const pgbenchClients = 8;

/** SQL for each parameter, with `:n` counting up and `:client_id`. */
export type ParameterSql = Readonly<Record<string, string>>;

/**
 * Writes a script that runs a statement of the product once per transaction.
 * Only the parameters differ: the script computes the values that the product would send.
 */
export function writeScript(directory: string, statementName: string, parameters: ParameterSql): string {
  const statement = declaredStatements().find(({ name }) => name === statementName);
  assert(statement !== undefined, `there is no statement "${statementName}"`);
  const names = Object.keys(statement.params);
  const sql = statement.sql.replaceAll(/\$(\d+)/g, (_, number: string) => {
    const name = names[Number(number) - 1] ?? '';
    const expression = parameters[name];
    assert(expression !== undefined, `"${statementName}" has a parameter :${name} without a value in the bench`);
    return `(${expression})`;
  });
  const path = join(directory, `${statementName}.sql`);
  writeFileSync(path, `\\set n :n + 1\n${sql};\n`);
  return path;
}

export type Extent = { readonly seconds: number } | { readonly transactions: number };

/** Returns the transactions per second of a script whose `:n` starts at `first` + 1. */
export async function runPgbench(databaseUrl: string, script: string, first: number, extent: Extent): Promise<number> {
  const until = 'seconds' in extent ? ['-T', String(Math.max(1, extent.seconds))] : ['-t', String(extent.transactions)];
  const clients = ['-c', String(pgbenchClients), '-j', '1'];
  const parameters = ['-n', '-M', 'prepared', ...clients, ...until, '-D', `n=${first}`, '-f', script, databaseUrl];
  const child = spawn(join(providePostgresBinaries(), 'pgbench'), parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (text: Buffer) => {
    output += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    output += text.toString();
  });
  await once(child, 'close');
  const found = /tps = ([\d.]+)/.exec(output);
  if (found === null || /aborted|failed: [1-9]|ERROR/.test(output)) throw new Error(`pgbench: ${output}`);
  return Number(found[1]);
}
