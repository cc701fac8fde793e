import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { roundUpDuration } from './round-up-duration.ts';

/** Milliseconds until the rounded `work` settles. */
async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const start = systemClock.monotonicMs();
  await Promise.allSettled([roundUpDuration(work)]);
  return systemClock.monotonicMs() - start;
}

// Timers count whole milliseconds, so a step of 10 ms may measure as slightly more than 9.
const oneStepMs = 9;

describe('roundUpDuration', () => {
  it('resolves and rejects like the work', async () => {
    expect(await roundUpDuration(async () => 'done')).toBe('done');
    await expect(roundUpDuration(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('takes one step for immediate work, successful or failed', async () => {
    expect(await durationOf(async () => undefined)).toBeGreaterThanOrEqual(oneStepMs);
    expect(await durationOf(() => Promise.reject(new Error('no')))).toBeGreaterThanOrEqual(oneStepMs);
  });

  it('takes at least two steps for work that takes longer than one', async () => {
    const oneStep = () => roundUpDuration(async () => undefined);
    expect(await durationOf(oneStep)).toBeGreaterThanOrEqual(2 * oneStepMs);
  });
});
