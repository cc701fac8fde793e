import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { areaUnderCurve } from './auc.ts';

const samples = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 30 });

/** The definition, computed over all pairs. */
function areaByPairs(first: readonly number[], second: readonly number[]): number {
  const scores = first.flatMap((one) => second.map((other) => (one === other ? 0.5 : Number(one > other))));
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

describe('areaUnderCurve', () => {
  it.each([
    { first: [2, 3], second: [0, 1], area: 1 },
    { first: [0, 1], second: [2, 3], area: 0 },
    { first: [0, 3], second: [1, 2], area: 0.5 },
    { first: [1, 2, 3], second: [2], area: 0.5 },
    { first: [5, 5, 5], second: [5, 5], area: 0.5 },
    { first: [1, 3], second: [1, 2], area: 0.625 },
    { first: [10, 1, 1000], second: [9, 11], area: 0.5 },
  ])('of $first against $second is $area', ({ first, second, area }) => {
    expect(areaUnderCurve(first, second)).toBe(area);
  });

  it('is the share of pairs in which the first is greater; ties count half', () => {
    fc.assert(
      fc.property(samples, samples, (first, second) => {
        expect(areaUnderCurve(first, second)).toBeCloseTo(areaByPairs(first, second), 12);
      }),
    );
  });

  it('of swapped arguments is the complement', () => {
    fc.assert(
      fc.property(samples, samples, (first, second) => {
        expect(areaUnderCurve(first, second) + areaUnderCurve(second, first)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('throws without samples', () => {
    expect(() => areaUnderCurve([], [1])).toThrow();
  });
});
