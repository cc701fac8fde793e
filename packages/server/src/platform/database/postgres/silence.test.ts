import { beforeEach, describe, expect, it } from 'vitest';
import { FixedClock } from '#kernel/clock.ts';
import { outcomeUnknown } from '../errors.ts';
import { isSilence, Silence, WriteBreaker } from './silence.ts';

let clock: FixedClock;
let breaker: WriteBreaker;
let sent: number;

const silence = outcomeUnknown('"a.write"', new Silence('lane write', 4000));

function write(outcome: 'confirmed' | Error): Promise<string> {
  return breaker.guard(async () => {
    sent += 1;
    if (outcome !== 'confirmed') throw outcome;
    return outcome;
  });
}

beforeEach(() => {
  clock = new FixedClock(new Date(0));
  breaker = new WriteBreaker(clock);
  sent = 0;
});

describe('isSilence', () => {
  it('finds it below the errors that name the statement', () => {
    expect(isSilence(silence)).toBe(true);
    expect(isSilence(outcomeUnknown('a commit', new Error('Query read timeout')))).toBe(true);
    expect(isSilence(outcomeUnknown('a commit', new Error('Connection terminated')))).toBe(false);
    expect(isSilence('Query read timeout')).toBe(false);
  });
});

describe('a WriteBreaker', () => {
  it('lets writes through that fail for another reason', async () => {
    for (let n = 0; n < 20; n += 1) await expect(write(new Error('unique'))).rejects.toThrow('unique');
    expect(await write('confirmed')).toBe('confirmed');
  });

  it('refuses writes for 2 s after one without a response, and then tries one at a time', async () => {
    await expect(write(silence)).rejects.toBe(silence);
    clock.advance(1999);
    await expect(write('confirmed')).rejects.toMatchObject({ code: 'unavailable' });
    clock.advance(1);
    const trial = Promise.withResolvers<string>();
    const tried = breaker.guard(() => trial.promise);
    const others = Array.from({ length: 20 }, () => write('confirmed'));
    const refused = await Promise.allSettled(others);
    expect(refused.every(({ status }) => status === 'rejected')).toBe(true);
    trial.resolve('confirmed');
    expect(await tried).toBe('confirmed');
    expect(await write('confirmed')).toBe('confirmed');
    expect(sent).toBe(2);
  });

  it('refuses them for 2 s more after a trial without a response', async () => {
    await expect(write(silence)).rejects.toBe(silence);
    clock.advance(2000);
    await expect(write(silence)).rejects.toBe(silence);
    await expect(write('confirmed')).rejects.toMatchObject({ code: 'unavailable' });
    clock.advance(2000);
    expect(await write('confirmed')).toBe('confirmed');
  });

  it('tries another after a trial that failed for another reason', async () => {
    await expect(write(silence)).rejects.toBe(silence);
    clock.advance(2000);
    await expect(write(new Error('unique'))).rejects.toThrow('unique');
    expect(await write('confirmed')).toBe('confirmed');
  });

  it('lets writes through at once when they go to another server', async () => {
    await expect(write(silence)).rejects.toBe(silence);
    breaker.close();
    expect(await write('confirmed')).toBe('confirmed');
  });
});
