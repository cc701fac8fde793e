import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backOffSeconds, defaultBackOff } from './back-off.ts';

describe('backOffSeconds', () => {
  it('returns the delay of the attempt, and repeats the last one', () => {
    const backOff = { delaysSeconds: [1, 5, 30], jitter: 0 };
    expect([1, 2, 3, 4, 99].map((attempt) => backOffSeconds(backOff, attempt, 0.5))).toEqual([1, 5, 30, 30, 30]);
  });

  it('stays within the jitter for every chance', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempt, chance) => {
          const middle = backOffSeconds(defaultBackOff, attempt, 0.5);
          const drawn = backOffSeconds(defaultBackOff, attempt, chance);
          return drawn >= middle * 0.7 - 1e-9 && drawn <= middle * 1.3 + 1e-9;
        },
      ),
    );
  });

  it('draws its own chance, so that jobs that failed together run at different times', () => {
    const drawn = new Set(Array.from({ length: 20 }, () => backOffSeconds(defaultBackOff, 5)));
    expect(drawn.size).toBeGreaterThan(1);
  });
});
