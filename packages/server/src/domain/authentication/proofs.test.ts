import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import type { Factor } from './next-step.ts';
import { authenticationContext, type ProofName, proofKinds } from './proofs.ts';

const at = '2030-01-01T00:00:00.000Z';

/** Factors of passkeys, for the rule alone: no login method of today proves one. */
const securityKey: Factor = { amr: 'hwk', kind: 'possession', userVerified: false, factorTime: 'passkey' };
const passkey: Factor = { ...securityKey, userVerified: true };

const password = proofKinds.password.factor;
const link = proofKinds.magic_link.factor;
const code = proofKinds.email_code.factor;
const totp = proofKinds.totp.factor;
const recoveryCode = proofKinds.recovery_code.factor;

describe('the authentication context', () => {
  it.each<[string, readonly Factor[], string, readonly string[], readonly string[]]>([
    ['password', [password], '1', ['pwd'], ['pwd']],
    ['link', [link], '1', ['otp'], ['email']],
    ['code', [code], '1', ['otp'], ['email']],
    ['password, password', [password, password], '1', ['pwd'], ['pwd']],
    ['password, link', [password, link], '1', ['pwd', 'otp'], ['pwd', 'email']],
    ['password, code', [password, code], '1', ['pwd', 'otp'], ['pwd', 'email']],
    ['link, link', [link, link], '1', ['otp'], ['email']],
    ['link, code', [link, code], '1', ['otp'], ['email']],
    ['code, code', [code, code], '1', ['otp'], ['email']],
    ['password, TOTP', [password, totp], '2', ['pwd', 'otp', 'mfa'], ['pwd', 'totp']],
    ['password, recovery code', [password, recoveryCode], '2', ['pwd', 'otp', 'mfa'], ['pwd', 'recovery_code']],
    ['TOTP, recovery code', [totp, recoveryCode], '1', ['otp'], ['totp', 'recovery_code']],
    ['link, TOTP', [link, totp], '2', ['otp', 'mfa'], ['email', 'totp']],
    ['password, security key', [password, securityKey], '2', ['pwd', 'hwk', 'mfa'], ['pwd', 'passkey']],
    ['TOTP, security key', [totp, securityKey], '1', ['otp', 'hwk'], ['totp', 'passkey']],
    ['passkey', [passkey], '2', ['hwk', 'mfa'], ['passkey']],
  ])('of %s follows from the proofs', (_, proven, acr, amr, times) => {
    const factorTimes = Object.fromEntries(times.map((time) => [time, at]));
    expect(authenticationContext(proven.map((factor) => ({ ...factor, at })))).toEqual({ acr, amr, factorTimes });
  });
});

describe('the table of proofs', () => {
  const unknownDevice = { deviceId: undefined } as Candidate;
  const knownDevice = { deviceId: '0197a2b4-0000-7000-8000-000000000001' } as Candidate;

  it.each<[ProofName, readonly [string, string], readonly [string, string]]>([
    ['password', ['password', 'password_known_device'], ['invalid_credentials', 'account_disabled']],
    ['magic_link', ['email_code', 'email_code'], ['invalid_token', 'invalid_token']],
    ['email_code', ['email_code', 'email_code'], ['invalid_code', 'invalid_code']],
    ['totp', ['second_factor', 'second_factor_known_device'], ['invalid_code', 'invalid_ticket']],
    ['recovery_code', ['second_factor', 'second_factor_known_device'], ['invalid_code', 'invalid_ticket']],
  ])('names the counters and the refusals of a %s', (by, counters, refusals) => {
    const { resets, refusal, refusalOfDisabled } = proofKinds[by];
    expect([resets(unknownDevice), resets(knownDevice)]).toEqual(counters);
    expect([refusal, refusalOfDisabled]).toEqual(refusals);
  });
});
