import { Client } from 'pg';
import { describe, expect, it } from 'vitest';
import { cloneDatabase, createDatabase, startPostgres } from './postgres.ts';

describe('the shared test server', () => {
  it('provides a database with the whole schema', async () => {
    const rows = await run(await cloneDatabase(), 'select count(*)::int4 as applied from schema_migrations');
    expect(rows).not.toEqual([{ applied: 0 }]);
  });

  it('provides a separate database to every caller', async () => {
    const [first, second] = await Promise.all([cloneDatabase(), cloneDatabase()]);
    await run(first, 'create table only_here (x int)');
    await expect(run(second, 'select x from only_here')).rejects.toThrow('does not exist');
  });

  it('provides an empty database', async () => {
    const tables = `select relname from pg_class where relnamespace = 'public'::regnamespace`;
    expect(await run(await createDatabase(), tables)).toEqual([]);
  });
});

describe('a durable cluster', () => {
  it('keeps committed rows when all processes are killed, and deletes its directory when stopped', async () => {
    const cluster = await startPostgres({ durable: true, settings: { work_mem: '5MB' } });
    const before = cluster.pid;
    await run(cluster.adminUrl, 'create table kept as select 1 as x');
    await cluster.kill9();
    await expect(run(cluster.adminUrl, 'select x from kept')).rejects.toThrow();
    await cluster.restart();
    expect(await run(cluster.adminUrl, 'select x from kept')).toEqual([{ x: 1 }]);
    expect(await run(cluster.adminUrl, 'show fsync')).toEqual([{ fsync: 'on' }]);
    expect(await run(cluster.adminUrl, 'show work_mem')).toEqual([{ work_mem: '5MB' }]);
    expect(cluster.pid).not.toBe(before);
    await cluster.stop();
    await expect(run(cluster.adminUrl, 'select 1')).rejects.toThrow();
  });
});

async function run(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
