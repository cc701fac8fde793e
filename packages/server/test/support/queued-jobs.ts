/** Runs queued jobs in applications without workers. */
import { type Database, statement } from '#platform/database/index.ts';
import type { JobHandler } from '#platform/jobs/index.ts';

const find = statement('test_jobs.find', {
  lane: 'pool',
  sql: `select id, kind, payload, created_at from jobs where kind = :kind and state = 'queued' order by id`,
  params: { kind: 'text' },
  columns: { id: 'uuid', kind: 'text', payload: 'jsonb', createdAt: 'timestamptz' },
});

const remove = statement('test_jobs.delete', {
  lane: 'pool',
  sql: `delete from jobs where kind = :kind and state = 'queued'`,
  params: { kind: 'text' },
  columns: {},
});

export async function countQueued(database: Database, kind: string): Promise<number> {
  return (await database.rows(find, { kind })).length;
}

/** Runs the handler for each queued job and leaves the jobs, as a worker does that dies before it completes them. */
export async function handleQueued(database: Database, handler: JobHandler): Promise<void> {
  const jobs = await database.rows(find, { kind: handler.kind });
  for (const job of jobs) await handler.handle({ ...job, attempt: 1 }, new AbortController().signal);
}

/** Deletes the queued jobs, as a worker does when it completes them. */
export async function deleteQueued(database: Database, kind: string): Promise<void> {
  await database.run(remove, { kind });
}
