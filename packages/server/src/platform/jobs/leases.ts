import { addSeconds, type Clock } from '#kernel/clock.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { Job, JobHandler } from './job.ts';

// The run_at of a leased job is the end of its lease, so one index finds due jobs and abandoned ones.
const claim = statement('jobs.claim', {
  lane: 'pool',
  sql: `
    with due as (
      select id, kind from jobs
      where state = 'queued' and run_at <= :now and kind = any(:kinds)
      order by run_at limit :limit
      for update skip locked
    )
    update jobs set attempts = attempts + 1, leased_by = :worker, leased_until = term.ends_at, run_at = term.ends_at
    from due join unnest(:kinds::text[], :leaseEnds::timestamptz[]) as term (kind, ends_at) on term.kind = due.kind
    where jobs.id = due.id
    returning jobs.id, jobs.kind, jobs.payload, jobs.attempts as attempt, jobs.created_at, jobs.traceparent`,
  params: { now: 'timestamptz', kinds: 'text[]', limit: 'int8', worker: 'text', leaseEnds: 'timestamptz[]' },
  columns: {
    id: 'uuid',
    kind: 'text',
    payload: 'jsonb',
    attempt: 'int4',
    createdAt: 'timestamptz',
    traceparent: 'text?',
  },
});

const renew = statement('jobs.renew', {
  lane: 'pool',
  sql: `
    update jobs set leased_until = held.ends_at, run_at = held.ends_at
    from unnest(:ids::uuid[], :attempts::int4[], :leaseEnds::timestamptz[]) as held (id, attempt, ends_at)
    where jobs.id = held.id and jobs.attempts = held.attempt and jobs.leased_by = :worker and jobs.state = 'queued'
    returning jobs.id`,
  params: { ids: 'uuid[]', attempts: 'int4[]', leaseEnds: 'timestamptz[]', worker: 'text' },
  columns: { id: 'uuid' },
});

/** How far the clocks of two nodes may differ before a lease counts as one of a wrong clock. */
const toleranceSeconds = 10;

// Only a wrong clock stores a lease that ends later than one taken now would: it would hold the job, and a schedule's next
// ones, until that time. Jobs that wait for a retry have no lease.
const endFutureLeases = statement('jobs.end_future_leases', {
  lane: 'pool',
  sql: `
    update jobs set run_at = :now, leased_until = :now
    where id in (
      select j.id from jobs j join unnest(:kinds::text[], :latest::timestamptz[]) as term (kind, latest) on term.kind = j.kind
      where j.state = 'queued' and j.run_at > :soonest and j.leased_until > term.latest
      order by j.run_at desc limit 1000 for update of j skip locked)`,
  params: { now: 'timestamptz', kinds: 'text[]', latest: 'timestamptz[]', soonest: 'timestamptz' },
  columns: {},
});

const complete = statement('jobs.complete', {
  lane: 'pool',
  idempotent: true,
  sql: `delete from jobs where id = :id and leased_by = :worker and attempts = :attempt`,
  params: { id: 'uuid', worker: 'text', attempt: 'int4' },
  columns: {},
});

const putBack = statement('jobs.put_back', {
  lane: 'pool',
  idempotent: true,
  sql: `
    update jobs set run_at = :at, attempts = attempts - :refund, last_error = :reason, leased_by = null,
      leased_until = null
    where id = :id and leased_by = :worker and attempts = :attempt and state = 'queued'`,
  params: {
    at: 'timestamptz',
    refund: 'int4',
    reason: 'text',
    id: 'uuid',
    worker: 'text',
    attempt: 'int4',
  },
  columns: {},
});

// A dead letter releases its singleton key, so that the next job of the key can be enqueued.
const bury = statement('jobs.bury', {
  lane: 'pool',
  idempotent: true,
  sql: `
    update jobs set state = 'dead', finished_at = :now, last_error = :reason, leased_by = null, leased_until = null,
      singleton_key = null
    where id = :id and leased_by = :worker and attempts = :attempt and state = 'queued'`,
  params: { now: 'timestamptz', reason: 'text', id: 'uuid', worker: 'text', attempt: 'int4' },
  columns: {},
});

interface LeasesDeps {
  readonly queries: Queries;
  readonly clock: Clock;
  readonly worker: string;
  readonly handlers: ReadonlyMap<string, JobHandler>;
}

/**
 * The operations of one worker on the jobs that it holds. Each one names worker and attempt, and returns whether it had
 * an effect: when another worker has claimed the job since, the attempt number is higher, and nothing happens.
 */
export class Leases {
  readonly #deps: LeasesDeps;

  constructor(deps: LeasesDeps) {
    this.#deps = deps;
  }

  /** Claims up to `limit` due jobs of the kinds that have a handler here. Other kinds are left to other nodes. */
  claim(limit: number): Promise<Job[]> {
    const { queries, clock, worker, handlers } = this.#deps;
    const now = clock.now();
    const kinds = [...handlers.keys()];
    const leaseEnds = kinds.map((kind) => this.#leaseEnd(kind, now));
    return queries.rows(claim, { now, kinds, limit, worker, leaseEnds }) as Promise<Job[]>;
  }

  /** Makes jobs due whose lease ends later than any that a right clock stores. Returns their number. */
  async endFutureLeases(): Promise<number> {
    const { queries, clock, handlers } = this.#deps;
    const now = clock.now();
    const kinds = [...handlers.keys()];
    const latest = kinds.map((kind) => addSeconds(this.#leaseEnd(kind, now), toleranceSeconds));
    const soonest = new Date(Math.min(...latest.map((end) => end.getTime())));
    return queries.run(endFutureLeases, { now, kinds, latest, soonest });
  }

  /** Extends the leases of running jobs, and returns the ids of those that are still held. */
  async renew(jobs: readonly Job[]): Promise<ReadonlySet<string>> {
    const { queries, clock, worker } = this.#deps;
    const now = clock.now();
    const kept = await queries.rows(renew, {
      ids: jobs.map((job) => job.id),
      attempts: jobs.map((job) => job.attempt),
      leaseEnds: jobs.map((job) => this.#leaseEnd(job.kind, now)),
      worker,
    });
    return new Set(kept.map((row) => row.id));
  }

  async complete(job: Job): Promise<boolean> {
    const { queries, worker } = this.#deps;
    return (await queries.run(complete, { id: job.id, worker, attempt: job.attempt })) === 1;
  }

  /** `refund`: the attempt does not count, because nothing was tried. */
  async putBack(job: Job, to: { at: Date; reason: string; refund: boolean }): Promise<boolean> {
    const { queries, worker } = this.#deps;
    const refund = to.refund ? 1 : 0;
    const values = { at: to.at, refund, reason: to.reason, id: job.id, worker, attempt: job.attempt };
    return (await queries.run(putBack, values)) === 1;
  }

  async bury(job: Job, reason: string): Promise<boolean> {
    const { queries, clock, worker } = this.#deps;
    const values = { now: clock.now(), reason, id: job.id, worker, attempt: job.attempt };
    return (await queries.run(bury, values)) === 1;
  }

  #leaseEnd(kind: string, now: Date): Date {
    return addSeconds(now, this.#deps.handlers.get(kind)?.leaseSeconds ?? 0);
  }
}
