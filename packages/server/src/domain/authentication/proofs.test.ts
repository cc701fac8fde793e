import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import type { Factor } from './next-step.ts';
import {
  authenticationContext,
  contextWithProof,
  type PlainProofName,
  type ProofName,
  proofKinds,
  provenBy,
} from './proofs.ts';

const at = '2030-01-01T00:00:00.000Z';

const passkeyFactor = proofKinds.passkey.factor;
const securityKey = passkeyFactor({ backupEligible: false, userVerified: false });
const boundPasskey = passkeyFactor({ backupEligible: false, userVerified: true });
const syncedPasskey = passkeyFactor({ backupEligible: true, userVerified: true });

const provider = proofKinds.identity_provider.factor('one');
const strongProvider = proofKinds.identity_provider.factor('two');

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
    ['password, security key', [password, securityKey], 'phr', ['pwd', 'hwk', 'mfa'], ['pwd', 'passkey']],
    ['link, security key', [link, securityKey], 'phr', ['otp', 'hwk', 'mfa'], ['email', 'passkey']],
    ['security key', [securityKey], '1', ['hwk'], ['passkey']],
    ['TOTP, security key', [totp, securityKey], '1', ['otp', 'hwk'], ['totp', 'passkey']],
    ['bound passkey', [boundPasskey], 'phr', ['hwk', 'user', 'mfa'], ['passkey']],
    ['synced passkey', [syncedPasskey], 'phr', ['swk', 'user', 'mfa'], ['passkey']],
    ['password, passkey', [password, syncedPasskey], 'phr', ['pwd', 'swk', 'user', 'mfa'], ['pwd', 'passkey']],
    ['TOTP, passkey', [totp, boundPasskey], 'phr', ['otp', 'hwk', 'user', 'mfa'], ['totp', 'passkey']],
    ['provider', [provider], '1', ['fed'], ['identity_provider']],
    ['provider, password', [provider, password], '1', ['fed', 'pwd'], ['identity_provider', 'pwd']],
    ['provider, link', [provider, link], '1', ['fed', 'otp'], ['identity_provider', 'email']],
    ['provider, TOTP', [provider, totp], '2', ['fed', 'otp', 'mfa'], ['identity_provider', 'totp']],
    ['provider, security key', [provider, securityKey], 'phr', ['fed', 'hwk', 'mfa'], ['identity_provider', 'passkey']],
    ['provider of two factors', [strongProvider], '2', ['fed', 'mfa'], ['identity_provider_mfa']],
  ])('of %s follows from the proofs', (_, proven, acr, amr, times) => {
    const factorTimes = Object.fromEntries(times.map((time) => [time, at]));
    expect(authenticationContext(proven.map((factor) => ({ ...factor, at })))).toEqual({ acr, amr, factorTimes });
  });
});

describe('the context of a session that proves a further factor', () => {
  const now = new Date('2030-01-01T01:00:00.000Z');
  const earlier = '2030-01-01T00:00:00.000Z';

  it.each<[string, Record<string, string>, PlainProofName, string, readonly string[], readonly string[]]>([
    ['a password raises nothing', { pwd: earlier }, 'password', '1', ['pwd'], ['pwd']],
    ['a code of an app raises a password', { pwd: earlier }, 'totp', '2', ['pwd', 'otp', 'mfa'], ['pwd', 'totp']],
    [
      'a recovery code raises a mailed link',
      { email: earlier },
      'recovery_code',
      '2',
      ['otp', 'mfa'],
      ['email', 'recovery_code'],
    ],
    ['two codes of an app stay one factor', { totp: earlier }, 'totp', '1', ['otp'], ['totp']],
    [
      'both factors of an earlier login count',
      { pwd: earlier, totp: earlier },
      'totp',
      '2',
      ['pwd', 'otp', 'mfa'],
      ['pwd', 'totp'],
    ],
    ['a factor of a later release counts for nothing', { face: earlier }, 'totp', '1', ['otp'], ['totp']],
  ])('%s', (_, factorTimes, by, acr, amr, times) => {
    const context = contextWithProof({ factorTimes, amr: [] }, { by }, now);
    const { factorTime } = proofKinds[by].factor;
    const expected = Object.fromEntries(times.map((time) => [time, time === factorTime ? now.toISOString() : earlier]));
    expect(context).toEqual({ acr, amr, factorTimes: expected, authTime: now });
  });

  it('has the time of the proof', () => {
    expect(provenBy({ by: 'totp' }, now)).toEqual({ ...totp, at: now.toISOString() });
  });
});

describe('the table of proofs', () => {
  const unknownDevice = { deviceId: undefined } as Candidate;
  const knownDevice = { deviceId: '0197a2b4-0000-7000-8000-000000000001' } as Candidate;

  it.each<[ProofName, readonly (string | undefined)[], readonly [string, string]]>([
    ['password', ['password', 'password_known_device'], ['invalid_credentials', 'account_disabled']],
    ['magic_link', ['email_code', 'email_code'], ['invalid_token', 'invalid_token']],
    ['email_code', ['email_code', 'email_code'], ['invalid_code', 'invalid_code']],
    ['totp', ['second_factor', 'second_factor_known_device'], ['invalid_code', 'invalid_ticket']],
    ['recovery_code', ['second_factor', 'second_factor_known_device'], ['invalid_code', 'invalid_ticket']],
    ['mailbox_code', ['mailbox_code', 'mailbox_code'], ['invalid_code', 'invalid_ticket']],
    ['passkey', [undefined, undefined], ['invalid_passkey', 'account_disabled']],
    ['identity_provider', [undefined, undefined], ['invalid_provider_login', 'account_disabled']],
  ])('names the counters and the refusals of a %s', (by, counters, refusals) => {
    const { resets, refusal, refusalOfDisabled } = proofKinds[by];
    expect([resets(unknownDevice), resets(knownDevice)]).toEqual(counters);
    expect([refusal, refusalOfDisabled]).toEqual(refusals);
  });

  it.each<[PlainProofName, Factor['kind']]>([
    ['password', 'knowledge'],
    // A password opens a mailbox, so that both together are one factor.
    ['magic_link', 'knowledge'],
    ['email_code', 'knowledge'],
    ['mailbox_code', 'knowledge'],
    ['totp', 'possession'],
    ['recovery_code', 'possession'],
  ])('counts a %s as %s, and as one factor', (by, kind) => {
    expect(proofKinds[by].factor).toMatchObject({ kind, userVerified: false });
  });
});

describe('the context of a session that proves a further factor', () => {
  const now = new Date(at);

  it.each<[string, object, readonly string[], string, readonly string[]]>([
    ['a password', { pwd: at }, ['pwd'], 'phr', ['pwd', 'hwk', 'mfa']],
    ['a synced passkey', { passkey: at }, ['swk', 'user', 'mfa'], 'phr', ['swk', 'hwk', 'user', 'mfa']],
    ['nothing that is known here', { other: at }, ['x'], '1', ['hwk']],
    ['a provider', { identity_provider: at }, ['fed'], 'phr', ['fed', 'hwk', 'mfa']],
    ['a provider of two factors', { identity_provider_mfa: at }, ['fed', 'mfa'], 'phr', ['fed', 'hwk', 'mfa']],
  ])('that began with %s keeps it', (_, factorTimes, amr, acr, expected) => {
    const proof = { by: 'passkey', passkey: { backupEligible: false, userVerified: false } } as const;
    const session = { factorTimes: factorTimes as Record<string, string>, amr };
    expect(contextWithProof(session, proof, now)).toMatchObject({ acr, amr: expected, authTime: now });
  });
});
