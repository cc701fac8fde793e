import { describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { GuessTurns } from './turns.ts';

/** Counters that grant some guesses, and take a right one back. */
class Counters {
  readonly turns = new GuessTurns();
  granted: number;
  reserved = 0;

  constructor(granted: number) {
    this.granted = granted;
  }

  guess(keys: readonly string[], look: () => Promise<string>): Promise<string> {
    return this.turns.take({
      keys,
      reserve: async () => {
        this.reserved += 1;
        if (this.granted === 0) return { isGranted: false };
        this.granted -= 1;
        return { isGranted: true };
      },
      look: async ({ isGranted }) => {
        if (!isGranted) throw new Error('too early');
        const told = await look();
        this.granted += 1;
        return told;
      },
    });
  }
}

const wrong = () => Promise.reject(new Error('wrong'));

describe('guesses at once', () => {
  it('all are looked at when each is right, however few are granted', async () => {
    const counters = new Counters(2);
    const told = await Promise.all(Array.from({ length: 20 }, () => counters.guess(['ada'], async () => 'right')));
    expect(told).toEqual(Array.from({ length: 20 }, () => 'right'));
  });

  it('cost no more than what is granted when each is wrong', async () => {
    const counters = new Counters(5);
    let looked = 0;
    const guess = () =>
      counters.guess(['ada'], () => {
        looked += 1;
        return wrong();
      });
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, guess));
    expect(looked).toBe(5);
    const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).message);
    expect(reasons.filter((reason) => reason === 'too early')).toHaveLength(35);
  });

  it('are refused at once when nobody of theirs is under way', async () => {
    const counters = new Counters(1);
    const first = Promise.withResolvers<string>();
    const underway = counters.guess(['ada'], () => first.promise);
    await expect(counters.guess(['grace'], async () => 'right')).rejects.toThrow('too early');
    first.resolve('right');
    expect(await underway).toBe('right');
  });

  it('wait for those who share any key', async () => {
    const counters = new Counters(1);
    const first = Promise.withResolvers<string>();
    const underway = counters.guess(['ada', '192.0.2.0'], () => first.promise);
    const other = counters.guess(['grace', '192.0.2.0'], async () => 'right');
    first.resolve('right');
    expect(await Promise.all([underway, other])).toEqual(['right', 'right']);
  });

  it('are refused at once when fifty of theirs wait already', async () => {
    const counters = new Counters(1);
    const first = Promise.withResolvers<string>();
    const underway = counters.guess(['ada'], () => first.promise);
    const waiting = Array.from({ length: 50 }, () => counters.guess(['ada'], async () => 'right'));
    await new Promise(setImmediate);
    await expect(counters.guess(['ada'], async () => 'right')).rejects.toThrow('too early');
    first.resolve('right');
    expect(await Promise.all([underway, ...waiting])).toHaveLength(51);
  });

  it('are refused when those before them take too long', { timeout: 10_000 }, async () => {
    const counters = new Counters(1);
    const first = Promise.withResolvers<string>();
    const underway = counters.guess(['ada'], () => first.promise);
    const startedMs = systemClock.monotonicMs();
    await expect(counters.guess(['ada'], async () => 'right')).rejects.toThrow('too early');
    expect(systemClock.monotonicMs() - startedMs).toBeGreaterThan(1_900);
    first.resolve('right');
    await underway;
  });
});
