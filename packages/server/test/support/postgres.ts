/**
 * PostgreSQL for tests: one server for the whole run, one database for each test file.
 *
 * As vitest's global setup it uses the server that TEST_DATABASE_URL names, else starts a private one.
 * Tests call `cloneDatabase()`; a test of crashes starts its own server with `startPostgres({ durable: true })`.
 */
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres-cluster.ts';
import { copyTemplate, createEmpty, createTemplate, dropAll, type SharedPostgres } from './template-database.ts';

export { type PostgresCluster, type PostgresOptions, startPostgres } from './postgres-cluster.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: SharedPostgres;
  }
}

/** Returns the connection string of a new migrated database, which is dropped after the run. */
export function cloneDatabase(): Promise<string> {
  return copyTemplate(inject('postgres'));
}

/** Returns the connection string of a new empty database, for tests of the migrations. */
export function createDatabase(): Promise<string> {
  return createEmpty(inject('postgres'));
}

type Run = { users: number; readonly ready: Promise<{ shared: SharedPostgres; end: () => Promise<void> }> };

/** vitest loads this file once for each project, so the state that projects share cannot be a module variable. */
const run = globalThis as { latchkeyTestPostgres?: Run | undefined };

/** vitest's global setup: called once for each project that needs the server. */
export async function setup(project: TestProject): Promise<void> {
  run.latchkeyTestPostgres ??= { users: 0, ready: provide() };
  run.latchkeyTestPostgres.users += 1;
  const { shared } = await run.latchkeyTestPostgres.ready;
  project.provide('postgres', shared);
}

/** vitest's global teardown: the last project stops the server. */
export async function teardown(): Promise<void> {
  const current = run.latchkeyTestPostgres;
  if (current === undefined) return;
  current.users -= 1;
  if (current.users > 0) return;
  run.latchkeyTestPostgres = undefined;
  const { end } = await current.ready;
  await end();
}

async function provide(): Promise<{ shared: SharedPostgres; end: () => Promise<void> }> {
  const given = process.env.TEST_DATABASE_URL;
  if (given !== undefined && given !== '') {
    const shared = await createTemplate(given, migrate);
    return { shared, end: () => dropAll(shared) };
  }
  const cluster = await startPostgres();
  const shared = await createTemplate(cluster.adminUrl, migrate);
  return { shared, end: () => cluster.stop() };
}

/** Imported on demand, so that tools that need only a server do not load the product. */
async function migrate(url: string): Promise<void> {
  const { migrateUp } = await import('#platform/database/index.ts');
  const { serverAt } = await import('./parsed.ts');
  await migrateUp(serverAt(url));
}
