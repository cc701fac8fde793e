import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { secondFactorFields, totpCodeInput, typedSecondFactor } from './second-factor-input.ts';

describe('the code of an authenticator app', () => {
  it.each(['123456', '123 456', '12 34 56', ' 123456 '])('may be typed as %j', (text) => {
    expect(totpCodeInput.parse(text)).toBe(text);
  });

  it.each(['', '12345', '12345678901', '12345a', '123-456', '123456\n', 'x123456', '١٢٣٤٥٦'])('is not %j', (text) => {
    const { success, error } = totpCodeInput.safeParse(text);
    expect(success).toBe(false);
    expect(error?.issues[0]?.message).toBe('Enter the six digits that the app shows.');
  });
});

describe('the fields of a second factor', () => {
  const fields = z.strictObject(secondFactorFields);

  it('are both optional, and a recovery code has a bound', () => {
    expect(fields.safeParse({}).success).toBe(true);
    expect(fields.safeParse({ recoveryCode: '' }).success).toBe(false);
    expect(fields.safeParse({ recoveryCode: 'x'.repeat(100) }).success).toBe(true);
    expect(fields.safeParse({ recoveryCode: 'x'.repeat(101) }).success).toBe(false);
  });

  it.each([
    [{ code: '123456' }, { kind: 'totp', code: '123456' }],
    [{ recoveryCode: 'AB' }, { kind: 'recovery_code', code: 'AB' }],
    [{}, undefined],
    // One request is one guess: two codes would be two for the price of one.
    [{ code: '123456', recoveryCode: 'AB' }, undefined],
  ])('%j is read as %j', (sent, typed) => {
    expect(typedSecondFactor(sent)).toEqual(typed);
  });
});
