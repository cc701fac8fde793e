import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { roundUpDuration } from './round-up-duration.ts';

/** Milliseconds that it takes. */
async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const start = systemClock.monotonicMs();
  await Promise.allSettled([roundUpDuration(work)]);
  return systemClock.monotonicMs() - start;
}

// A timer counts in whole milliseconds, so it may seem to end early by one.
const oneStepMs = 9;

describe('roundUpDuration', () => {
  it('answers and throws what the work does', async () => {
    expect(await roundUpDuration(async () => 'done')).toBe('done');
    await expect(roundUpDuration(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('takes a step when the work takes no time, also when it throws', async () => {
    expect(await durationOf(async () => undefined)).toBeGreaterThanOrEqual(oneStepMs);
    expect(await durationOf(() => Promise.reject(new Error('no')))).toBeGreaterThanOrEqual(oneStepMs);
  });

  it('takes whole steps when the work takes longer than one', async () => {
    const oneStep = () => roundUpDuration(async () => undefined);
    expect(await durationOf(oneStep)).toBeGreaterThanOrEqual(2 * oneStepMs);
  });
});
