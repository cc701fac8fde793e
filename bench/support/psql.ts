/** Statements of the bench itself, by PostgreSQL's own client. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { providePostgresBinaries } from '../../packages/server/test/support/postgres-binaries.ts';

/** Runs SQL that needs no answer. Everything in it is made by the bench: there are no parameters. */
export function runSql(databaseUrl: string, sql: string): void {
  const parameters = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', databaseUrl];
  const done = spawnSync(join(providePostgresBinaries(), 'psql'), parameters, { input: sql, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`psql: ${done.stderr || String(done.error)}`);
}
