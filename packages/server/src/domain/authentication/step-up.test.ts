import { expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import { stepUpFactors } from './step-up.ts';

const sealedPhc = Buffer.from('sealed');

it.each<[string, Partial<Candidate>, readonly string[]]>([
  ['the password of a user without a second factor', { sealedPhc }, ['password']],
  ['a password rather than the mailbox that could reset it', { sealedPhc, emailVerified: true }, ['password']],
  ['the mailbox of a user with neither', { emailVerified: true }, ['mailbox_code']],
  ['nothing of a user without a verified address, who logs in again', {}, []],
  ['the app, and neither password nor mailbox', { sealedPhc, emailVerified: true, hasTotp: true }, ['totp']],
  ['app and recovery codes', { sealedPhc, hasTotp: true, hasRecoveryCode: true }, ['totp', 'recovery_code']],
  ['recovery codes that are left without an app', { sealedPhc, hasRecoveryCode: true }, ['recovery_code']],
  // A browser may have made a passkey by itself, on another device.
  ['a passkey beside the password while two factors are off', { sealedPhc, hasPasskey: true }, ['passkey', 'password']],
  [
    'a passkey beside the mailbox while two factors are off',
    { emailVerified: true, hasPasskey: true },
    ['passkey', 'mailbox_code'],
  ],
  ['a passkey alone', { hasPasskey: true }, ['passkey']],
  [
    'nothing less than a passkey once two factors are on',
    { sealedPhc, hasPasskey: true, mfaEnabled: true },
    ['passkey'],
  ],
  ['a passkey or the app, and not the password', { sealedPhc, hasPasskey: true, hasTotp: true }, ['passkey', 'totp']],
  ['the password of a user who lost the factors', { sealedPhc, emailVerified: true, mfaEnabled: true }, ['password']],
  ['the mailbox of a user who lost the factors', { emailVerified: true, mfaEnabled: true }, ['mailbox_code']],
])('a step-up accepts %s', (_, facts, factors) => {
  const nothing = { sealedPhc: undefined, emailVerified: false, hasTotp: false, hasRecoveryCode: false };
  expect(stepUpFactors({ ...nothing, ...facts } as Candidate)).toEqual(factors);
});
