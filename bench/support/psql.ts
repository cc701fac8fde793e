/** Runs SQL of the bench with psql. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { providePostgresBinaries } from '../../packages/server/test/support/postgres-binaries.ts';

/** Runs SQL without results. The bench generates all of it, so there are no parameters. */
export function runSql(databaseUrl: string, sql: string): void {
  const parameters = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', databaseUrl];
  const result = spawnSync(join(providePostgresBinaries(), 'psql'), parameters, { input: sql, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`psql: ${result.stderr || String(result.error)}`);
}
