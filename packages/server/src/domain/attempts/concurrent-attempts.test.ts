import { describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { ConcurrentAttempts } from './concurrent-attempts.ts';

/** A counter that grants a number of attempts; a success is not counted. */
class Counter {
  readonly attempts = new ConcurrentAttempts();
  granted: number;

  constructor(granted: number) {
    this.granted = granted;
  }

  attempt(keys: readonly string[], verify: () => Promise<string>): Promise<string> {
    return this.attempts.run({
      keys,
      reserve: async () => {
        if (this.granted === 0) return { isGranted: false };
        this.granted -= 1;
        return { isGranted: true };
      },
      verify: async ({ isGranted }) => {
        if (!isGranted) throw new Error('too early');
        const result = await verify();
        this.granted += 1;
        return result;
      },
    });
  }
}

const fail = () => Promise.reject(new Error('wrong'));

describe('concurrent attempts', () => {
  it('all succeed with the right secret, however few the counter grants', async () => {
    const counter = new Counter(2);
    const results = await Promise.all(
      Array.from({ length: 20 }, () => counter.attempt(['ada'], async () => 'logged in')),
    );
    expect(results).toEqual(Array.from({ length: 20 }, () => 'logged in'));
  });

  it('are verified only as often as the counter grants when each secret is wrong', async () => {
    const counter = new Counter(5);
    let verified = 0;
    const attempt = () =>
      counter.attempt(['ada'], () => {
        verified += 1;
        return fail();
      });
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, attempt));
    expect(verified).toBe(5);
    const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as Error).message);
    expect(reasons.filter((reason) => reason === 'too early')).toHaveLength(35);
  });

  it('are rejected at once when no attempt under their keys is in progress', async () => {
    const counter = new Counter(1);
    const first = Promise.withResolvers<string>();
    const inProgress = counter.attempt(['ada'], () => first.promise);
    await expect(counter.attempt(['grace'], async () => 'logged in')).rejects.toThrow('too early');
    first.resolve('logged in');
    expect(await inProgress).toBe('logged in');
  });

  it('wait for attempts that share any of their keys', async () => {
    const counter = new Counter(1);
    const first = Promise.withResolvers<string>();
    const inProgress = counter.attempt(['ada', '192.0.2.0'], () => first.promise);
    const second = counter.attempt(['grace', '192.0.2.0'], async () => 'logged in');
    first.resolve('logged in');
    expect(await Promise.all([inProgress, second])).toEqual(['logged in', 'logged in']);
  });

  it('are rejected at once when fifty already wait under their key', async () => {
    const counter = new Counter(1);
    const first = Promise.withResolvers<string>();
    const inProgress = counter.attempt(['ada'], () => first.promise);
    const waiting = Array.from({ length: 50 }, () => counter.attempt(['ada'], async () => 'logged in'));
    await new Promise(setImmediate);
    await expect(counter.attempt(['ada'], async () => 'logged in')).rejects.toThrow('too early');
    first.resolve('logged in');
    expect(await Promise.all([inProgress, ...waiting])).toHaveLength(51);
  });

  it('are rejected when the attempts before them take longer than the deadline', { timeout: 10_000 }, async () => {
    const counter = new Counter(1);
    const first = Promise.withResolvers<string>();
    const inProgress = counter.attempt(['ada'], () => first.promise);
    const startedMs = systemClock.monotonicMs();
    await expect(counter.attempt(['ada'], async () => 'logged in')).rejects.toThrow('too early');
    expect(systemClock.monotonicMs() - startedMs).toBeGreaterThan(1_900);
    first.resolve('logged in');
    await inProgress;
  });

  it('reserve again when an attempt succeeded during the reservation that was not granted', async () => {
    const attempts = new ConcurrentAttempts();
    const [verified, denied] = [Promise.withResolvers<string>(), Promise.withResolvers<{ isGranted: boolean }>()];
    const first = attempts.run({
      keys: ['ada'],
      reserve: async () => ({ isGranted: true }),
      verify: () => verified.promise,
    });
    const reservations = [denied.promise, Promise.resolve({ isGranted: true })];
    const second = attempts.run({
      keys: ['ada'],
      reserve: () => reservations.shift() ?? Promise.reject(new Error('a third reservation')),
      verify: async ({ isGranted }) => {
        if (!isGranted) throw new Error('too early');
        return 'logged in';
      },
    });
    // The database decided before the first attempt reset the counter, and its response arrives after.
    verified.resolve('logged in');
    await first;
    denied.resolve({ isGranted: false });
    expect(await second).toBe('logged in');
  });
});
