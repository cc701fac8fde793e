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
])('a step-up accepts %s', (_, facts, factors) => {
  const nothing = { sealedPhc: undefined, emailVerified: false, hasTotp: false, hasRecoveryCode: false };
  expect(stepUpFactors({ ...nothing, ...facts } as Candidate)).toEqual(factors);
});
