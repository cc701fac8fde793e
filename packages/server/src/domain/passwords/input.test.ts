import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizePassword, passwordInput } from './input.ts';

describe('a new password as it is sent', () => {
  it('is any text, as it was typed: what it must be is said in the reader’s language elsewhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4096 }), (typed) => {
        expect(passwordInput.parse(typed)).toBe(typed);
      }),
    );
  });

  it('is refused unread when it is four times longer than any password', () => {
    expect(passwordInput.safeParse('a'.repeat(4096)).success).toBe(true);
    expect(passwordInput.safeParse('a'.repeat(4097)).success).toBe(false);
  });

  it('is a text', () => {
    for (const other of [undefined, null, 123_456_789_012, ['correct horse battery']]) {
      expect(passwordInput.safeParse(other).success).toBe(false);
    }
  });
});

describe('a password in NFC', () => {
  it('is the same from every keyboard', () => {
    expect(normalizePassword('e\u0301'.repeat(12))).toBe('\u00e9'.repeat(12));
  });

  it('is left as it is otherwise: no trimming, no folding of case', () => {
    expect(normalizePassword('  MixedCase  12 ')).toBe('  MixedCase  12 ');
  });

  it('is not made of what is longer than any password', () => {
    expect(normalizePassword('a'.repeat(1024))).toBe('a'.repeat(1024));
    expect(normalizePassword('a'.repeat(1025))).toBeUndefined();
  });
});
