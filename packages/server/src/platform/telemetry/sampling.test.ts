import { describe, expect, it } from 'vitest';
import { Sampling, type SamplingOptions } from './sampling.ts';

const frequent = new Set(['session.check']);

function shareOf(options: Pick<SamplingOptions, 'sampler' | 'ratio'>, operation: string): number {
  let drawn = 0;
  const chance = () => {
    drawn += 1;
    return ((drawn * 61) % 100) / 100;
  };
  const sampling = new Sampling({ ...options, frequent, chance });
  return Array.from({ length: 100 }, () => sampling.isSampled(operation, undefined)).filter(Boolean).length / 100;
}

describe('Sampling', () => {
  it('records a tenth of the session checks and all other operations by default', () => {
    const options = { sampler: undefined, ratio: 1 };
    expect(shareOf(options, 'session.check')).toBe(0.1);
    expect(shareOf(options, 'login.password')).toBe(1);
  });

  it.each([
    ['always_on', 1],
    ['always_off', 0],
    ['traceidratio', 0.25],
    ['parentbased_always_on', 1],
    ['parentbased_always_off', 0],
    ['parentbased_traceidratio', 0.25],
  ] as const)('%s records this share of all operations alike: %d', (sampler, share) => {
    expect(shareOf({ sampler, ratio: 0.25 }, 'session.check')).toBe(share);
    expect(shareOf({ sampler, ratio: 0.25 }, 'login.password')).toBe(share);
  });

  it.each([
    [undefined, true, false],
    ['parentbased_always_off', true, false],
    ['parentbased_traceidratio', true, false],
    ['always_on', true, true],
    ['always_off', false, false],
  ] as const)('%s with a sampled caller: %s, with one that is not sampled: %s', (sampler, sampled, unsampled) => {
    const sampling = new Sampling({ sampler, ratio: 1, frequent, chance: () => 0.99 });
    expect(sampling.isSampled('session.check', { isSampled: true })).toBe(sampled);
    expect(sampling.isSampled('session.check', { isSampled: false })).toBe(unsampled);
  });
});
