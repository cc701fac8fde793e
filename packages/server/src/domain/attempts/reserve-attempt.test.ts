import { describe, expect, it } from 'vitest';
import { attemptDelaySeconds } from './reserve-attempt.ts';

const now = new Date('2030-01-01T00:00:00Z');

describe('the delay before the next attempt', () => {
  it.each([
    [1, 1],
    [4, 1],
    [5, 1],
    [6, 2],
    [9, 16],
    [14, 512],
    [15, 900],
    [99, 900],
    [100, 86_400],
  ])('after %d consecutive failures is %d seconds', (failures, seconds) => {
    expect(attemptDelaySeconds({ failures, lastFailedAt: now }, now)).toBe(seconds);
  });

  it('counts from the last failure, and is one second when the counter is unknown', () => {
    expect(attemptDelaySeconds({ failures: 9, lastFailedAt: new Date(now.getTime() - 9_500) }, now)).toBe(7);
    expect(attemptDelaySeconds({ failures: null, lastFailedAt: null }, now)).toBe(1);
  });
});
