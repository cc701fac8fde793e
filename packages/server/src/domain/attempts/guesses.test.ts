import { describe, expect, it } from 'vitest';
import { guessWaitSeconds } from './guesses.ts';

const now = new Date('2030-01-01T00:00:00Z');

describe('the wait before the next guess', () => {
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
  ])('after %d in a row is %d seconds', (failures, seconds) => {
    expect(guessWaitSeconds({ failures, lastFailedAt: now }, now)).toBe(seconds);
  });

  it('counts from the last guess, and is a second where nothing is known', () => {
    expect(guessWaitSeconds({ failures: 9, lastFailedAt: new Date(now.getTime() - 9_500) }, now)).toBe(7);
    expect(guessWaitSeconds({ failures: null, lastFailedAt: null }, now)).toBe(1);
  });
});
