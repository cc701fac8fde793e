import { describe, expect, it } from 'vitest';
import { newRecoveryCode, parseRecoveryCode, showRecoveryCode } from './codes.ts';

describe('a recovery code', () => {
  it('has 24 characters in four groups, and every one differs', () => {
    const codes = Array.from({ length: 1_000 }, newRecoveryCode);
    expect(new Set(codes).size).toBe(1_000);
    for (const code of codes)
      expect(showRecoveryCode(code)).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{6}-){3}[0-9A-HJKMNP-TV-Z]{6}$/);
  });

  it.each([
    ['as it is shown', '0123AB-456789-CDEFGH-JKMNPQ'],
    ['in lower case', '0123ab-456789-cdefgh-jkmnpq'],
    ['without separators', '0123AB456789CDEFGHJKMNPQ'],
    ['with spaces', ' 0123AB 456789 CDEFGH JKMNPQ '],
    ['with letters for digits', 'OL23AB-456789-CDEFGH-JKMNPQ'],
    ['with another letter for one', 'oi23ab-456789-cdefgh-jkmnpq'],
  ])('is read %s', (_how, typed) => {
    expect(parseRecoveryCode(typed)).toBe('0123AB456789CDEFGHJKMNPQ');
  });

  it.each([
    ['a short one', '0123AB-456789-CDEFGH-JKMNP'],
    ['a shorter one', '0123AB-456789-CDEFGH'],
    ['a long one', '0123AB-456789-CDEFGH-JKMNPQ0'],
    ['U, which the alphabet lacks', 'U123AB-456789-CDEFGH-JKMNPQ'],
    ['other separators', '0123AB_456789_CDEFGH_JKMNPQ'],
    ['digits of other scripts', '٠123AB-456789-CDEFGH-JKMNPQ'],
    ['nothing', ''],
    ['a megabyte', '0'.repeat(1_000_000)],
  ])('is not %s', (_what, typed) => {
    expect(parseRecoveryCode(typed)).toBeNull();
  });
});
