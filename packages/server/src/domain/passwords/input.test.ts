import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passwordInput } from './index.ts';

const accepts = (password: string) => passwordInput.safeParse(password).success;

describe('a new password', () => {
  it.each([
    ['11 letters', 'a'.repeat(11), false],
    ['12 letters', 'a'.repeat(12), true],
    ['128 letters', 'a'.repeat(128), true],
    ['129 letters', 'a'.repeat(129), false],
    ['11 emoji, which are 22 code units', '😀'.repeat(11), false],
    ['12 emoji', '😀'.repeat(12), true],
    ['128 emoji, which are 512 bytes', '😀'.repeat(128), true],
    ['129 emoji', '😀'.repeat(129), false],
    ['12 letters with accents apart', 'e\u0301'.repeat(12), true],
    ['11 letters with accents apart, 22 code points before NFC', 'e\u0301'.repeat(11), false],
    ['128 letters with accents apart, 256 code points before NFC', 'e\u0301'.repeat(128), true],
    ['spaces only', ' '.repeat(12), true],
    ['nothing', '', false],
    ['very much', 'a'.repeat(100_000), false],
  ])('of %s', (_, password, accepted) => {
    expect(accepts(password)).toBe(accepted);
  });

  it('is normalised before it is hashed, so that every keyboard types the same one', () => {
    expect(passwordInput.parse('e\u0301'.repeat(12))).toBe('\u00e9'.repeat(12));
  });

  it('is what is left as it is: no trimming, no folding of case', () => {
    expect(passwordInput.parse('  MixedCase  12 ')).toBe('  MixedCase  12 ');
  });

  it('has 12 to 128 code points and at most 1,024 bytes, whatever was typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (typed) => {
        const parsed = passwordInput.safeParse(typed);
        const password = typed.normalize('NFC');
        const length = Array.from(password).length;
        const fits = length >= 12 && length <= 128 && Buffer.byteLength(password) <= 1024 && typed.length <= 1024;
        expect(parsed.success).toBe(fits);
        if (parsed.success) expect(parsed.data).toBe(password);
      }),
    );
  });
});

it.each([
  ['', 'too_short'],
  ['a'.repeat(11), 'too_short'],
  [`${'a'.repeat(10)}e\u0301`, 'too_short'],
  ['a'.repeat(129), 'too_long'],
  ['a'.repeat(100_000), 'too_long'],
])('what is refused is refused with a reason: %#', (typed, code) => {
  const issues = passwordInput.safeParse(typed).error?.issues ?? [];
  expect(issues).toMatchObject([{ code: 'custom', params: { code } }]);
});
