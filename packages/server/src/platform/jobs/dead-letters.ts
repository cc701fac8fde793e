import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { type JsonValue, type Queries, statement } from '#platform/database/index.ts';

/** A job whose attempts were used up. */
export interface DeadLetter {
  readonly id: string;
  readonly kind: string;
  readonly payload: JsonValue;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly finishedAt: Date;
}

const list = statement('jobs.list_dead', {
  lane: 'pool',
  mayLag: true,
  sql: `
    select id, kind, payload, attempts, last_error, created_at, finished_at
    from jobs where state = 'dead' and finished_at <= :until
    order by finished_at desc, id desc limit :limit`,
  params: { until: 'timestamptz', limit: 'int8' },
  columns: {
    id: 'uuid',
    kind: 'text',
    payload: 'jsonb',
    attempts: 'int4',
    lastError: 'text?',
    createdAt: 'timestamptz',
    finishedAt: 'timestamptz',
  },
});

const retry = statement('jobs.retry_dead', {
  lane: 'pool',
  sql: `
    update jobs set state = 'queued', attempts = 0, run_at = :now, finished_at = null
    where id = :id and state = 'dead'`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});

const sweep = statement('jobs.sweep_dead', {
  lane: 'pool',
  sql: `
    delete from jobs where id in (
      select id from jobs where state = 'dead' and finished_at < :before order by finished_at limit :limit offset :skip
    )`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** The dead letters of the time until `until`, the newest first. */
export function listDeadLetters(queries: Queries, until: Date, limit: number): Promise<DeadLetter[]> {
  return queries.rows(list, { until, limit }) as Promise<DeadLetter[]>;
}

/** Queues a dead letter again with all its attempts. False when there is none with this id. */
export async function retryDeadLetter(queries: Queries, id: string, now: Date): Promise<boolean> {
  return (await queries.run(retry, { id, now })) === 1;
}

/** Deletes dead letters from before a time, and returns how many. */
export function sweepDeadLetters(queries: Queries, before: Date, batch: Batch = wholeBatch): Promise<number> {
  return queries.run(sweep, { before, ...batch });
}
