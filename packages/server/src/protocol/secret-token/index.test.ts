import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSecret, hashSecret, parseSecret, secretPrefixes } from './index.ts';

const prefixes = Object.values(secretPrefixes);
const anySecret = fc.uint8Array({ minLength: 32, maxLength: 32 });
const anyPrefix = fc.constantFrom(...prefixes);

describe('formatSecret', () => {
  it('returns the prefix, base64url and the CRC-32 in base 62', () => {
    // CRC-32 of "lk_rt_" and 43 times "A" is 0x00841365, computed with another implementation.
    expect(formatSecret('lk_rt_', new Uint8Array(32))).toBe(`lk_rt_${'A'.repeat(43)}00aJkL`);
  });

  it('throws for secrets of another length', () => {
    expect(() => formatSecret('lk_rt_', new Uint8Array(31))).toThrow(RangeError);
    expect(() => formatSecret('lk_rt_', new Uint8Array(33))).toThrow(RangeError);
  });

  it('encodes only the bytes of a view, not those of its whole buffer', () => {
    const whole = new Uint8Array(64).fill(7);
    expect(formatSecret('lk_rt_', whole.subarray(16, 48))).toBe(formatSecret('lk_rt_', new Uint8Array(32).fill(7)));
  });
});

describe('parseSecret', () => {
  it('returns every secret that formatSecret wrote, in characters that need no escaping', () => {
    fc.assert(
      fc.property(anyPrefix, anySecret, (prefix, secret) => {
        const text = formatSecret(prefix, secret);
        expect(text).toMatch(/^lk_(?:rt|st|ot|lt|lb|dv|sk)_[A-Za-z0-9_-]{43}[A-Za-z0-9]{6}$/);
        expect(Buffer.from(parseSecret(prefix, text) ?? [])).toEqual(Buffer.from(secret));
      }),
    );
  });

  it('rejects a secret of another purpose, even with its prefix exchanged', () => {
    fc.assert(
      fc.property(anyPrefix, anyPrefix, anySecret, (prefix, other, secret) => {
        fc.pre(prefix !== other);
        const text = formatSecret(prefix, secret);
        expect(parseSecret(other, text)).toBeNull();
        expect(parseSecret(other, other + text.slice(prefix.length))).toBeNull();
      }),
    );
  });

  it('rejects every edit of one or two characters', () => {
    const text = formatSecret('lk_st_', new Uint8Array(32).fill(0xfb));
    const edit = fc.tuple(fc.nat({ max: text.length }), fc.nat({ max: 2 }), fc.string({ maxLength: 2 }));
    fc.assert(
      fc.property(edit, ([at, removed, added]) => {
        const edited = text.slice(0, at) + added + text.slice(at + removed);
        fc.pre(edited !== text);
        expect(parseSecret('lk_st_', edited)).toBeNull();
      }),
      { numRuns: 1000 },
    );
  });

  it('rejects the base64 alphabet, white space and the empty string', () => {
    const text = formatSecret('lk_st_', new Uint8Array(32).fill(0xfb));
    expect(text).toContain('-');
    expect(parseSecret('lk_st_', text.replaceAll('-', '+'))).toBeNull();
    expect(parseSecret('lk_st_', `${text}\n`)).toBeNull();
    expect(parseSecret('lk_st_', '')).toBeNull();
  });
});

describe('hashSecret', () => {
  it('is SHA-256 of the text', () => {
    expect(hashSecret('abc').toString('hex')).toBe(
      // FIPS 180-4, example for "abc".
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    const text = formatSecret('lk_sk_', new Uint8Array(32));
    expect(hashSecret(text)).toEqual(createHash('sha256').update(text).digest());
  });
});
