import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import { authenticationContext, type ProofKind, type ProofName, proofKinds } from './proofs.ts';

const now = new Date('2030-01-01T00:00:00.000Z');
const at = now.toISOString();

type Row = Pick<ProofKind, 'factor' | 'factorTime'>;

/** Rows of second factors, for the rule alone: no login method of today proves one. */
const totp: Row = { factor: { amr: 'otp', kind: 'possession', userVerified: false }, factorTime: 'totp' };
const securityKey: Row = { factor: { amr: 'hwk', kind: 'possession', userVerified: false }, factorTime: 'passkey' };
const passkey: Row = { factor: { amr: 'hwk', kind: 'possession', userVerified: true }, factorTime: 'passkey' };

const { password, magic_link: link, email_code: code } = proofKinds;

describe('the authentication context', () => {
  it.each<[string, readonly Row[], string, readonly string[], readonly string[]]>([
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
    ['link, TOTP', [link, totp], '2', ['otp', 'mfa'], ['email', 'totp']],
    ['password, security key', [password, securityKey], '2', ['pwd', 'hwk', 'mfa'], ['pwd', 'passkey']],
    ['TOTP, security key', [totp, securityKey], '1', ['otp', 'hwk'], ['totp', 'passkey']],
    ['passkey', [passkey], '2', ['hwk', 'mfa'], ['passkey']],
  ])('of %s follows from the proofs', (_, proven, acr, amr, times) => {
    const factorTimes = Object.fromEntries(times.map((time) => [time, at]));
    expect(authenticationContext(proven, now)).toEqual({ acr, amr, factorTimes });
  });
});

describe('the table of proofs', () => {
  const unknownDevice = { deviceId: undefined } as Candidate;
  const knownDevice = { deviceId: '0197a2b4-0000-7000-8000-000000000001' } as Candidate;

  it.each<[ProofName, readonly [string, string], readonly [string, string]]>([
    ['password', ['password', 'password_known_device'], ['invalid_credentials', 'account_disabled']],
    ['magic_link', ['email_code', 'email_code'], ['invalid_token', 'invalid_token']],
    ['email_code', ['email_code', 'email_code'], ['invalid_code', 'invalid_code']],
  ])('names the counters and the refusals of a %s', (by, counters, refusals) => {
    const { resets, refusal, refusalOfDisabled } = proofKinds[by];
    expect([resets(unknownDevice), resets(knownDevice)]).toEqual(counters);
    expect([refusal, refusalOfDisabled]).toEqual(refusals);
  });
});
