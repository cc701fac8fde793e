import { type Queries, statement } from '#platform/database/index.ts';

/** The queue of one kind of job. */
export interface QueueDepth {
  readonly kind: string;
  /** Due and not leased; near zero in a healthy deployment. */
  readonly due: number;
  /** Leased, or waiting for the next attempt. */
  readonly later: number;
  readonly dead: number;
  /** When the oldest due job became due. */
  readonly oldestDueAt: Date | null;
}

const depth = statement('jobs.depth', {
  lane: 'pool',
  mayLag: true,
  sql: `
    select kind, sum(due)::int4 as due, sum(later)::int4 as later, sum(dead)::int4 as dead,
      min(oldest_due_at) as oldest_due_at
    from (
      select kind, count(*) as due, 0 as later, 0 as dead, min(run_at) as oldest_due_at
      from jobs where state = 'queued' and run_at <= :now group by kind
      union all
      select kind, 0, count(*), 0, null from jobs where state = 'queued' and run_at > :now group by kind
      union all
      select kind, 0, 0, count(*), null from jobs where state = 'dead' and finished_at <= :now group by kind
    ) as counts
    group by kind order by kind`,
  params: { now: 'timestamptz' },
  columns: { kind: 'text', due: 'int4', later: 'int4', dead: 'int4', oldestDueAt: 'timestamptz?' },
});

/** The depth of each kind that has a job. */
export function readQueueDepth(queries: Queries, now: Date): Promise<QueueDepth[]> {
  return queries.rows(depth, { now });
}
