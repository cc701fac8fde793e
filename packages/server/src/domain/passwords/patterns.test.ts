import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPattern } from './patterns.ts';

describe('isPattern', () => {
  it.each([
    ['aaaaaaaaaaaa', 'one character'],
    ['            ', 'one character, a space'],
    ['\u200b'.repeat(12), 'one invisible character'],
    ['🔑'.repeat(12), 'one character outside the BMP'],
    ['abababababab', 'a group of two'],
    ['abcabcabcabca', 'a group of three, truncated'],
    ['123412341234', 'a group of four'],
    ['🔑🐴🔑🐴🔑🐴🔑🐴🔑🐴🔑🐴', 'a group outside the BMP'],
    ['abcdefghijkl', 'the alphabet'],
    ['onmlkjihgfed', 'the alphabet backwards'],
    ['uvwxyzabcdef', 'the alphabet, continued at its beginning'],
    ['αβγδεζηθικλμνξοπρ', 'another alphabet'],
    ['890123456789', 'digits'],
    ['210987654321', 'digits backwards'],
    ['qwertyuiopqw', 'a row, continued at its beginning'],
    ['qwertyuiopas', 'a row and the next'],
    ['mnbvcxzlkjhg', 'rows backwards'],
    ['1234567890qwerty', 'digits and the next row'],
    ["asdfghjkl;'zxcv", 'rows to their ends'],
    ['!@#$%^&*()_+', 'digits with shift'],
    ['qwertzuiopas', 'a German row'],
    ['qwertzuiopü+asdf', 'a German row to its end'],
    ['azertyuiopqs', 'a French row'],
    ['&é"\'(-è_çà)=', 'French digits'],
  ])('is true for %j: %s', (text) => {
    expect(isPattern(text)).toBe(true);
  });

  it.each([
    ['aaaaaaaaaaab', 'another character at the end'],
    ['baaaaaaaaaaa', 'another character at the beginning'],
    ['abcdeabcdeabcde', 'a group of five'],
    ['abcdefghijkm', 'an alphabet with a gap'],
    ['acegikmoqsuw', 'every second letter'],
    ['qwertyuiopsd', 'a row and another key'],
    ['qwertyqwertx', 'a row that breaks'],
    ['securepass123!', 'words and digits'],
    ['correct horse', 'words'],
    ['my abcdefghijklmnop', 'a pattern in something else'],
  ])('is false for %j: %s', (text) => {
    expect(isPattern(text)).toBe(false);
  });

  it('is true for every repeated group of up to four characters', () => {
    const character = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 });
    fc.assert(
      fc.property(
        fc.array(character, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 12, max: 128 }),
        (group, length) => {
          const text = Array.from({ length }, (_, index) => group[index % group.length]).join('');
          expect(isPattern(text)).toBe(true);
        },
      ),
    );
  });

  it('is true for every ascending and descending run of code points', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0xe000, max: 0x10_ff00 }), fc.integer({ min: 12, max: 128 }), (first, length) => {
        const points = Array.from({ length }, (_, index) => first + index);
        expect(isPattern(String.fromCodePoint(...points))).toBe(true);
        expect(isPattern(String.fromCodePoint(...points.toReversed()))).toBe(true);
      }),
    );
  });

  it.each([
    ['digits', '0123456789'],
    ['letters', 'abcdefghijklmnopqrstuvwxyz'],
    ['a generator’s default alphabet', 'abcdefghijklmnopqrstuvwxyz0123456789!#$%&*+-=?@^_'],
    ['emoji', '😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏'],
  ])('is false for passwords of at least 12 characters drawn at random from %s', (_, alphabet) => {
    // noBias, because fast-check otherwise prefers the first and last characters.
    const drawn = fc.noBias(fc.array(fc.constantFrom(...Array.from(alphabet)), { minLength: 12, maxLength: 40 }));
    fc.assert(
      fc.property(drawn, (characters) => {
        expect(isPattern(characters.join(''))).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });
});
