import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderCurve } from './auc.ts';

const samples = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 });

/** The definition itself, pair by pair. */
function byPairs(these: readonly number[], those: readonly number[]): number {
  const scores = these.flatMap((one) => those.map((other) => (one === other ? 0.5 : Number(one > other))));
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

describe('areaUnderCurve', () => {
  it.each([
    { these: [2, 3], those: [0, 1], area: 1 },
    { these: [0, 1], those: [2, 3], area: 0 },
    { these: [0, 3], those: [1, 2], area: 0.5 },
    { these: [1, 2, 3], those: [2], area: 0.5 },
    { these: [5, 5, 5], those: [5, 5], area: 0.5 },
    { these: [1, 3], those: [1, 2], area: 0.625 },
    { these: [10, 1, 1000], those: [9, 11], area: 0.5 },
  ])('of $these against $those is $area', ({ these, those, area }) => {
    expect(areaUnderCurve(these, those)).toBe(area);
  });

  it('is the share of pairs in which the first is greater, ties counting half', () => {
    fc.assert(
      fc.property(samples, samples, (these, those) => {
        expect(areaUnderCurve(these, those)).toBeCloseTo(byPairs(these, those), 12);
      }),
    );
  });

  it('of the other way round is what is left to one', () => {
    fc.assert(
      fc.property(samples, samples, (these, those) => {
        expect(areaUnderCurve(these, those) + areaUnderCurve(those, these)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('says nothing about no samples', () => {
    expect(() => areaUnderCurve([], [1])).toThrow();
  });
});
