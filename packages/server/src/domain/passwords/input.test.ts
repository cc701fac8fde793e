import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { normalizePassword, passwordInput } from './input.ts';

describe('passwordInput', () => {
  it('accepts any text unchanged, because PasswordRules explains rejections', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4096 }), (typed) => {
        expect(passwordInput.parse(typed)).toBe(typed);
      }),
    );
  });

  it('rejects more than 4,096 characters', () => {
    expect(passwordInput.safeParse('a'.repeat(4096)).success).toBe(true);
    expect(passwordInput.safeParse('a'.repeat(4097)).success).toBe(false);
  });

  it('rejects anything but a string', () => {
    for (const other of [undefined, null, 123_456_789_012, ['correct horse battery']]) {
      expect(passwordInput.safeParse(other).success).toBe(false);
    }
  });
});

describe('normalizePassword', () => {
  it('composes characters, so that every keyboard yields the same password', () => {
    expect(normalizePassword('e\u0301'.repeat(12))).toBe('\u00e9'.repeat(12));
  });

  it('neither trims nor folds case', () => {
    expect(normalizePassword('  MixedCase  12 ')).toBe('  MixedCase  12 ');
  });

  it('returns undefined for more than 1,024 characters', () => {
    expect(normalizePassword('a'.repeat(1024))).toBe('a'.repeat(1024));
    expect(normalizePassword('a'.repeat(1025))).toBeUndefined();
  });
});
