import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

describe('editDistance', () => {
  it.each([
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
    ['abc', 'abc', 0],
    ['PROT', 'PORT', 2],
  ])('of %j and %j is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
  });

  it('is symmetric and at most the length of the longer text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('nearest', () => {
  it('ignores case', () => {
    expect(nearest('latchkey_port', ['LATCHKEY_HOST', 'LATCHKEY_PORT'])).toBe('LATCHKEY_PORT');
  });

  it('returns undefined when no name is near', () => {
    expect(nearest('xyz', ['LATCHKEY_HOST'])).toBeUndefined();
  });
});
