import { describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { type Check, Readiness } from './readiness.ts';

const clock = new FixedClock(new Date(0));

function readiness(checks: readonly Check[]) {
  return new Readiness({ checks, clock }).read();
}

describe('readiness', () => {
  it('is ready when every check passes', async () => {
    const result = await readiness([
      { name: 'database', run: async () => undefined },
      { name: 'feed', run: () => undefined },
    ]);
    expect(result).toEqual({ status: 'ready', checks: { database: 'ok', feed: 'ok' } });
  });

  it('is not ready when a check fails, and names it', async () => {
    const result = await readiness([
      { name: 'database', run: async () => undefined },
      { name: 'feed', run: () => 'the last read is 3 s old' },
    ]);
    expect(result).toEqual({ status: 'not_ready', checks: { database: 'ok', feed: 'the last read is 3 s old' } });
  });

  it('treats a check that throws as failed', async () => {
    const failing = async () => Promise.reject(new Error('connection refused'));
    const result = await readiness([{ name: 'database', run: failing }]);
    expect(result).toEqual({ status: 'not_ready', checks: { database: 'connection refused' } });
  });

  it('treats a check that does not return within a second as failed', async () => {
    const result = await readiness([{ name: 'database', run: () => new Promise(() => undefined) }]);
    expect(result.checks).toEqual({ database: 'no response within 1000 ms' });
  });

  it('reports the sentence for the log of a check that throws a problem', async () => {
    const failing = async () => Promise.reject(new Problem('unavailable', { log: 'PostgreSQL is read-only' }));
    const result = await readiness([{ name: 'database', run: failing }]);
    expect(result.checks).toEqual({ database: 'PostgreSQL is read-only' });
  });

  it('is ready when an optional check fails, and names it', async () => {
    const result = await readiness([{ name: 'redis', optional: true, run: () => 'READONLY' }]);
    expect(result).toEqual({ status: 'ready', checks: { redis: 'READONLY' } });
  });

  it('runs a shared check once a second for any number of callers, and the others for each', async () => {
    let runs = 0;
    let stopping: string | undefined;
    const shared = new Readiness({
      clock,
      checks: [
        { name: 'process', run: () => stopping },
        {
          name: 'database',
          shared: true,
          run: async () => {
            runs += 1;
            return undefined;
          },
        },
      ],
    });
    await Promise.all(Array.from({ length: 500 }, () => shared.read()));
    clock.advance(999);
    await shared.read();
    expect(runs).toBe(1);
    stopping = 'stopping';
    expect((await shared.read()).checks).toEqual({ process: 'stopping', database: 'ok' });
    clock.advance(1);
    await shared.read();
    expect(runs).toBe(2);
  });

  it('reports each change of a shared check once', async () => {
    let reason: string | undefined;
    const changes: string[] = [];
    const watched = new Readiness({
      clock,
      checks: [{ name: 'database', shared: true, run: () => reason }],
      onChange: (name, result) => changes.push(`${name}: ${result}`),
    });
    for (const next of [undefined, 'full', 'full', 'read-only', undefined, undefined]) {
      reason = next;
      clock.advance(1000);
      await watched.read();
    }
    expect(changes).toEqual(['database: full', 'database: read-only', 'database: ok']);
  });
});
