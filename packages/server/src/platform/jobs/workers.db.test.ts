import { afterEach, expect, it } from 'vitest';
import { MovableClock, systemClock } from '#kernel/clock.ts';
import { idMaker } from '#kernel/ids.ts';
import type { Database } from '#platform/database/index.ts';
import { statement } from '#platform/database/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { eventually } from '#test/support/wait.ts';
import {
  enqueueFragment,
  enqueueJob,
  type Job,
  type JobHandler,
  type JobOutcome,
  JobWorkers,
  type JobWorkersOptions,
  listDeadLetters,
  type NewJob,
  readQueueDepth,
  retryDeadLetter,
  sweepDeadLetters,
} from './index.ts';

const logger = createLogger({
  level: 'silent',
  service: 'test',
  version: '0',
  destination: { write: () => undefined },
});
const clear = statement('jobs_test.clear', { lane: 'pool', sql: 'delete from jobs', params: {}, columns: {} });
const left = statement('jobs_test.left', {
  lane: 'pool',
  sql: `select state, attempts, last_error from jobs order by id`,
  params: {},
  columns: { state: 'text', attempts: 'int4', lastError: 'text?' },
});
const fragment = enqueueFragment({
  as: 'job',
  kind: 'work',
  from: 'changed',
  payload: `jsonb_build_object('userId', changed.user_id)`,
});
const hot = statement('jobs_test.hot', {
  lane: 'write',
  sql: `with changed as (select user_id from unnest(:userIds::uuid[]) as given (user_id)), ${fragment.sql}
    select count(*)::int4 from changed`,
  params: { userIds: 'uuid[]', ...fragment.params },
  columns: { changed: 'int4' },
  after: { wakesWorkers: true },
});

/** A promise that the test resolves. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

describeOnBothDatabases('jobs', (database) => {
  const clock = new MovableClock(systemClock);
  const makeId = idMaker(clock);
  const started: JobWorkers[] = [];

  afterEach(async () => {
    await Promise.all(started.splice(0).map((workers) => workers.stop({ graceMs: 0 })));
    await database().run(clear, {});
  });

  function enqueue(job: Partial<NewJob> = {}, queries: Pick<Database, 'run' | 'row' | 'rows'> = database()) {
    return enqueueJob(queries, { id: makeId(), kind: 'work', payload: {}, now: clock.now(), ...job });
  }

  function handler(handle: JobHandler['handle'], more: Partial<JobHandler> = {}): JobHandler {
    return { kind: 'work', maxAttempts: 3, leaseSeconds: 30, handle, ...more };
  }

  function run(handlers: readonly JobHandler[], more: Partial<JobWorkersOptions> = {}): JobWorkers {
    const workers = new JobWorkers({
      database: database(),
      clock,
      makeId,
      handlers,
      schedules: [],
      logger,
      workerId: makeId(),
      concurrency: 8,
      pollMs: 20,
      ...more,
    });
    workers.start();
    started.push(workers);
    return workers;
  }

  const jobsLeft = () => database().rows(left, {});
  const gone = () => eventually(async () => (await jobsLeft()).length === 0, { what: 'no job is left' });

  it('runs each of 500 jobs once on two workers', async () => {
    const done: string[] = [];
    const work = handler(async (job) => {
      done.push((job.payload as { n: string }).n);
      return { kind: 'done' };
    });
    await database().transaction(async (tx) => {
      for (let n = 0; n < 500; n += 1) await enqueue({ payload: { n: String(n) } }, tx);
    });
    run([work], { concurrency: 16 });
    run([work], { concurrency: 16 });
    await gone();
    expect(done).toHaveLength(500);
    expect(new Set(done).size).toBe(500);
  });

  it('enqueues nothing when the transaction is rolled back', async () => {
    const rolledBack = database().transaction(async (tx) => {
      await enqueue({}, tx);
      throw new Error('the effect failed');
    });
    await expect(rolledBack).rejects.toThrow('the effect failed');
    expect(await jobsLeft()).toEqual([]);
  });

  it('enqueues in a single statement once for each row of its cause, and nothing without one', async () => {
    const values = () => fragment.values({ id: makeId(), now: clock.now() });
    await database().row(hot, { userIds: [], ...values() });
    expect(await jobsLeft()).toEqual([]);
    const userId = makeId();
    await database().row(hot, { userIds: [userId], ...values() });
    const seen: Job[] = [];
    run([
      handler(async (job) => {
        seen.push(job);
        return { kind: 'done' };
      }),
    ]);
    await gone();
    expect(seen).toMatchObject([{ kind: 'work', payload: { userId }, attempt: 1 }]);
  });

  it('lets another worker claim the job of an unresponsive one, which then cannot complete it', async () => {
    const first = gate();
    const attempts: number[] = [];
    const outcomes: string[] = [];
    const work = handler(async (job) => {
      attempts.push(job.attempt);
      if (job.attempt === 1) await first.opened;
      return job.attempt === 1 ? { kind: 'dead', reason: 'too late' } : { kind: 'done' };
    });
    await enqueue();
    run([work], { concurrency: 1, onAttempt: ({ outcome }) => outcomes.push(outcome) });
    await eventually(() => attempts.length === 1, { what: 'the first worker has it' });
    run([work]);
    clock.advance(31_000);
    await gone();
    expect(attempts).toEqual([1, 2]);
    first.open();
    await eventually(() => outcomes.length === 1, { what: 'the first worker has concluded' });
    expect(outcomes).toEqual(['lost']);
    expect(await jobsLeft()).toEqual([]);
  });

  it('renews the lease of a long job, so that no other worker claims it', async () => {
    const long = gate();
    const attempts: number[] = [];
    const work = handler(
      async (job) => {
        attempts.push(job.attempt);
        await long.opened;
        return { kind: 'done' };
      },
      { leaseSeconds: 1 },
    );
    await enqueue();
    run([work]);
    run([work]);
    await eventually(() => attempts.length === 1, { what: 'one worker has it' });
    const end = systemClock.monotonicMs() + 1_500;
    await eventually(() => systemClock.monotonicMs() > end, { what: 'the first lease is over' });
    long.open();
    await gone();
    expect(attempts).toEqual([1]);
  });

  it('retries a job that throws after a delay, and stores the kind of the error without its message', async () => {
    const attempts: number[] = [];
    run([
      handler(async (job) => {
        attempts.push(job.attempt);
        if (job.attempt === 1) throw new TypeError('the link is lk_ot_secret');
        return { kind: 'done' };
      }),
    ]);
    await enqueue();
    const failed = await eventually(async () => (await jobsLeft()).find((job) => job.lastError !== null), {
      what: 'the failure is written',
    });
    expect(failed).toEqual({ state: 'queued', attempts: 1, lastError: 'TypeError' });
    clock.advance(60_000);
    await gone();
    expect(attempts).toEqual([1, 2]);
  });

  it('turns a job into a dead letter after its last attempt, calls its handler, and retries it on request', async () => {
    const exhausted: number[] = [];
    let outcome: JobOutcome['kind'] = 'retry';
    const work = handler(
      async () => (outcome === 'done' ? { kind: 'done' } : { kind: 'retry', at: clock.now(), reason: 'not yet' }),
      { exhausted: async (job) => void exhausted.push(job.attempt) },
    );
    const id = makeId();
    await enqueue({ id, singletonKey: 'only' });
    run([work]);
    const [letter] = await eventually(
      async () => {
        const letters = await listDeadLetters(database(), clock.now(), 10);
        return letters.length > 0 && letters;
      },
      { what: 'it is dead' },
    );
    expect(letter).toMatchObject({ id, kind: 'work', attempts: 3, lastError: 'not yet' });
    expect(exhausted).toEqual([3]);
    expect(await readQueueDepth(database(), clock.now())).toMatchObject([{ kind: 'work', due: 0, later: 0, dead: 1 }]);
    expect(await enqueue({ singletonKey: 'only', runAt: new Date(clock.now().getTime() + 3_600_000) })).toBe(true);
    outcome = 'done';
    expect(await retryDeadLetter(database(), id, clock.now())).toBe(true);
    await eventually(async () => (await jobsLeft()).length === 1, { what: 'it is done' });
    expect(await retryDeadLetter(database(), id, clock.now())).toBe(false);
  });

  it('counts no attempt when the handler returns that nothing was tried', async () => {
    let waits = 0;
    const attempts: number[] = [];
    run([
      handler(async (job) => {
        attempts.push(job.attempt);
        waits += 1;
        return waits < 10 ? { kind: 'wait', at: clock.now(), reason: 'away' } : { kind: 'done' };
      }),
    ]);
    await enqueue();
    await gone();
    expect(attempts).toEqual(Array.from({ length: 10 }, () => 1));
  });

  it('turns a job whose worker died in the last attempt into a dead letter, instead of retrying it forever', async () => {
    const never = gate();
    const deaths: Job[] = [];
    const work = handler(() => never.opened.then(() => ({ kind: 'done' })), {
      maxAttempts: 1,
      exhausted: async (job) => void deaths.push(job),
    });
    await enqueue();
    run([work], { concurrency: 1 });
    await eventually(async () => (await jobsLeft())[0]?.attempts === 1, { what: 'it is taken' });
    run([work]);
    clock.advance(31_000);
    await eventually(async () => (await jobsLeft())[0]?.state === 'dead', { what: 'it is dead' });
    expect(deaths).toHaveLength(1);
    never.open();
  });

  it('leaves jobs of unknown kinds alone', async () => {
    await enqueue({ kind: 'of_a_newer_release' });
    await enqueue();
    run([handler(async () => ({ kind: 'done' }))]);
    await eventually(async () => (await jobsLeft()).length === 1, { what: 'its own job is done' });
    expect(await jobsLeft()).toEqual([{ state: 'queued', attempts: 0, lastError: null }]);
  });

  it('holds one job for each singleton key until it is completed', async () => {
    const held = gate();
    run([handler(() => held.opened.then(() => ({ kind: 'done' })))]);
    expect(await enqueue({ singletonKey: 'sweep' })).toBe(true);
    await eventually(async () => (await jobsLeft())[0]?.attempts === 1, { what: 'it runs' });
    expect(await enqueue({ singletonKey: 'sweep' })).toBe(false);
    held.open();
    await gone();
    expect(await enqueue({ singletonKey: 'sweep' })).toBe(true);
  });

  it('enqueues periodic work on one node per period, and makes up for missed periods once', async () => {
    let runs = 0;
    const work = handler(async () => {
      runs += 1;
      return { kind: 'done' };
    });
    const schedules = [{ name: makeId(), kind: 'work', everySeconds: 3_600 }];
    const nodes = [1, 2, 3].map(() => run([work], { schedules }));
    await eventually(() => runs === 1, { what: 'the first run' });
    // A clock that jumps past the lease of a run that is being completed would rightly make it run again.
    await gone();
    clock.advance(10 * 3_600_000);
    for (const node of nodes) node.wake();
    await eventually(() => runs === 2, { what: 'the second run' });
    await gone();
    clock.advance(1_800_000);
    await Promise.all(nodes.map((node) => node.stop({ graceMs: 1_000 })));
    expect(runs).toBe(2);
  });

  it('completes running jobs on stop, and claims no more', async () => {
    const running = gate();
    const workers = run([handler(() => running.opened.then(() => ({ kind: 'done' })))], { concurrency: 1 });
    await enqueue();
    await eventually(async () => (await jobsLeft())[0]?.attempts === 1, { what: 'it runs' });
    const stopped = workers.stop({ graceMs: 5_000 });
    await enqueue();
    running.open();
    await stopped;
    expect(await jobsLeft()).toEqual([{ state: 'queued', attempts: 0, lastError: null }]);
  });

  it('aborts jobs that outlast the grace period, and releases those that do not end', async () => {
    const aborted: string[] = [];
    const deaf = gate();
    const workers = run([
      handler(async (job, signal) => {
        if (job.payload === 'deaf') return deaf.opened.then(() => ({ kind: 'done' }));
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
        aborted.push(job.id);
        throw new Error('stopped');
      }),
    ]);
    await enqueue({ payload: 'listens' });
    await enqueue({ payload: 'deaf' });
    await eventually(async () => (await jobsLeft()).every((job) => job.attempts === 1), { what: 'both run' });
    await workers.stop({ graceMs: 10 });
    expect(aborted).toHaveLength(1);
    const states = await jobsLeft();
    expect(states.map((job) => job.lastError)).toEqual(['stopped', 'released by a worker that stopped']);
    const [depth] = await readQueueDepth(database(), clock.now());
    expect(depth).toMatchObject({ due: 2, later: 0 });
    deaf.open();
  });

  it('runs a job once whose lease the clock would have passed, when time moves between jobs', async () => {
    const [started, ending] = [gate(), gate()];
    let runs = 0;
    const workers = run([
      handler(async () => {
        runs += 1;
        started.open();
        await ending.opened;
        return { kind: 'done' };
      }),
    ]);
    await enqueue();
    workers.wake();
    await started.opened;
    const order: string[] = [];
    const moved = Promise.all([
      workers.betweenJobs(() => void order.push('first')),
      workers.betweenJobs(() => {
        order.push('second');
        clock.advance(3_600_000);
      }),
    ]);
    workers.wake();
    expect(order).toEqual([]);
    ending.open();
    await moved;
    expect(order).toEqual(['first', 'second']);
    await eventually(async () => (await database().rows(left, {})).length === 0, { what: 'the job is done' });
    await enqueue();
    workers.wake();
    await eventually(() => runs === 2, { what: 'the next job ran' });
  });

  it('continues after the work between jobs has failed', async () => {
    let runs = 0;
    const workers = run([
      handler(async () => {
        runs += 1;
        return { kind: 'done' };
      }),
    ]);
    const failed = workers.betweenJobs(() => {
      throw new Error('too far');
    });
    await expect(failed).rejects.toThrow('too far');
    await enqueue();
    workers.wake();
    await eventually(() => runs === 1, { what: 'the job ran' });
  });

  it('sweeps dead letters that are old enough', async () => {
    run([handler(async () => ({ kind: 'dead', reason: 'hopeless' }))]);
    await enqueue();
    await eventually(async () => (await jobsLeft())[0]?.state === 'dead', { what: 'it is dead' });
    expect(await sweepDeadLetters(database(), new Date(clock.now().getTime() - 1_000_000))).toBe(0);
    clock.advance(1_000_000);
    expect(await sweepDeadLetters(database(), clock.now())).toBe(1);
  });
});
