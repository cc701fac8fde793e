import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Base32Alphabet, decodeBase32, encodeBase32, groupCharacters } from './index.ts';

const alphabets: readonly Base32Alphabet[] = ['rfc4648', 'crockford'];

describe('base 32 of RFC 4648', () => {
  // RFC 4648 §10, without the padding.
  it.each([
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ])('encodes and decodes %j', (bytes, text) => {
    expect(encodeBase32(Buffer.from(bytes), 'rfc4648')).toBe(text);
    expect(decodeBase32(text, 'rfc4648')).toEqual(Buffer.from(bytes));
  });

  it.each(['M', 'MZX', 'MZXW6Y', 'MZ', 'MZXR', 'MY======', 'M1', 'M0', 'M8', 'MY\t', 'MÝ', 'ſA'])(
    'rejects %j',
    (text) => {
      expect(decodeBase32(text, 'rfc4648')).toBeNull();
    },
  );
});

describe('base 32 of Crockford', () => {
  it('encodes with its own alphabet', () => {
    expect(encodeBase32(Buffer.from('foobar'), 'crockford')).toBe('CSQPYRK1E8');
    expect(decodeBase32('csqpy-rkle8', 'crockford')).toEqual(Buffer.from('foobar'));
  });

  it('reads the letters that people confuse with digits', () => {
    expect(decodeBase32('oO-iI-lL-00', 'crockford')).toEqual(decodeBase32('00111100', 'crockford'));
    expect(encodeBase32(decodeBase32('oOiIlL00', 'crockford') ?? Buffer.alloc(0), 'crockford')).toBe('00111100');
  });

  it('rejects U, which the alphabet lacks', () => {
    expect(decodeBase32('UUUUUUUU', 'crockford')).toBeNull();
  });
});

describe.each(alphabets)('base 32 in the alphabet %s', (alphabet) => {
  it('decodes its own text in either case and any grouping', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 8 }), (bytes, size) => {
        const text = encodeBase32(bytes, alphabet);
        expect(decodeBase32(text, alphabet)).toEqual(Buffer.from(bytes));
        const typed = groupCharacters(text.toLowerCase(), size, '-');
        expect(decodeBase32(` ${typed} `, alphabet)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  it('accepts one upper-case text for each value', () => {
    const accepted = new Map<string, string>();
    const tail = Array.from('ABCXYZ234567089');
    for (const text of tail.flatMap((first) => tail.flatMap((second) => tail.map((third) => first + second + third)))) {
      const bytes = decodeBase32(text.slice(0, 2), alphabet);
      if (bytes !== null) accepted.set(text.slice(0, 2), bytes.toString('hex'));
      expect(decodeBase32(text, alphabet)).toBeNull();
    }
    expect(accepted.size).toBeGreaterThan(10);
    expect(new Set(accepted.values()).size).toBe(accepted.size);
    for (const [text, hex] of accepted) expect(encodeBase32(Buffer.from(hex, 'hex'), alphabet)).toBe(text);
  });
});

describe('groupCharacters', () => {
  it.each([
    ['', 4, ''],
    ['ABCD', 4, 'ABCD'],
    ['ABCDEFGHI', 4, 'ABCD EFGH I'],
  ])('groups %j by %i', (text, size, grouped) => {
    expect(groupCharacters(text, size)).toBe(grouped);
  });
});
