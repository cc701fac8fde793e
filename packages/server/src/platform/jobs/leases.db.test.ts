import { expect, it } from 'vitest';
import { MovableClock, systemClock } from '#kernel/clock.ts';
import { idMaker } from '#kernel/ids.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { eventually } from '#test/support/wait.ts';
import { enqueueJob, type JobHandler, JobWorkers } from './index.ts';
import { Leases } from './leases.ts';

const handlerOf = (kind: string, done: unknown[]): JobHandler => ({
  kind,
  maxAttempts: 3,
  leaseSeconds: 30,
  handle: async (job) => {
    done.push(job.payload);
    return { kind: 'done' };
  },
});

describeOnBothDatabases('leases', (database) => {
  it('of a node whose clock is ahead end, but neither those of right clocks nor the waits for a retry', async () => {
    const clock = new MovableClock(systemClock);
    const makeId = idMaker(clock);
    const kind = `test.leases_${makeId().slice(-8)}`;
    const done: unknown[] = [];
    const handlers = [handlerOf(kind, done)];
    const enqueue = (payload: string, seconds = 0, singletonKey?: string) => {
      const runAt = new Date(clock.now().getTime() + seconds * 1000);
      const job = { id: makeId(), kind, payload, now: clock.now(), runAt };
      return enqueueJob(database(), singletonKey === undefined ? job : { ...job, singletonKey });
    };
    const claim = (secondsAhead: number) => {
      const ahead = new MovableClock(clock);
      ahead.advance(secondsAhead * 1000);
      const byKind = new Map(handlers.map((handler) => [handler.kind, handler]));
      return new Leases({ queries: database(), clock: ahead, worker: makeId(), handlers: byKind }).claim(1);
    };
    await enqueue('held by a wrong clock', 0, kind);
    expect(await claim(365 * 86_400)).toHaveLength(1);
    await enqueue('held by a clock 5 s ahead');
    expect(await claim(5)).toHaveLength(1);
    await enqueue('waits', 86_400);
    expect(await enqueue('the next of the schedule', 0, kind)).toBe(false);
    await using workers = new JobWorkers({
      database: database(),
      clock,
      makeId,
      handlers,
      schedules: [],
      logger: createLogger({
        level: 'silent',
        service: 'test',
        version: '0',
        destination: { write: () => undefined },
      }),
      workerId: makeId(),
      concurrency: 2,
      pollMs: 20,
    });
    workers.start();
    await eventually(() => done.length > 0, { what: 'the job of the wrong clock is done' });
    await eventually(() => enqueue('the next of the schedule', 0, kind), { what: 'the schedule goes on' });
    await eventually(() => done.length > 1, { what: 'the next job is done' });
    expect(done).toEqual(['held by a wrong clock', 'the next of the schedule']);
  });
});
