import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import { type LoginFacts, loginFacts, nextStep, type ProvenFactor } from './next-step.ts';

const at = '2030-01-01T00:00:00.000Z';
const password: ProvenFactor = { amr: 'pwd', kind: 'knowledge', userVerified: false, factorTime: 'pwd', at };
const mailedCode: ProvenFactor = { amr: 'otp', kind: 'knowledge', userVerified: false, factorTime: 'email', at };
const totp: ProvenFactor = { amr: 'otp', kind: 'possession', userVerified: false, factorTime: 'totp', at };
const passkey: ProvenFactor = { amr: 'hwk', kind: 'possession', userVerified: true, factorTime: 'passkey', at };
const securityKey: ProvenFactor = { ...passkey, userVerified: false };

/** Two factors are turned on, and one is enrolled. */
const on = { mfaEnabled: true, hasSecondFactor: true } as const;

const complete: LoginFacts = {
  proven: [password],
  emailVerified: true,
  mfaEnabled: false,
  secondFactorRequired: false,
  hasSecondFactor: false,
  passwordMustChange: false,
  termsAccepted: true,
  pendingDeletion: false,
};

describe('nextStep', () => {
  it.each<[string, Partial<LoginFacts>, string]>([
    ['no proof', { proven: [] }, 'first_factor'],
    ['a password suffices without a second factor', {}, 'done'],
    ['a password does not suffice with one', on, 'second_factor'],
    ['a password and a code suffice', { ...on, proven: [password, totp] }, 'done'],
    ['a passkey with user verification suffices', { ...on, proven: [passkey] }, 'done'],
    [
      'a passkey with user verification suffices next to a security key',
      { ...on, proven: [securityKey, passkey] },
      'done',
    ],
    ['two possessions are one factor', { ...on, proven: [totp, securityKey] }, 'second_factor'],
    ['the same password twice is one factor', { ...on, proven: [password, password] }, 'second_factor'],
    ['the second factor comes before the unverified email', { ...on, emailVerified: false }, 'second_factor'],
    ['an unverified email', { emailVerified: false }, 'verify_email'],
    [
      'the email is verified before a factor is enrolled',
      { emailVerified: false, secondFactorRequired: true },
      'verify_email',
    ],
    ['an enrolled factor asks for nothing by itself', { hasSecondFactor: true }, 'done'],
    ['two factors that are on, without one: the mailbox first', { mfaEnabled: true }, 'confirm_mailbox'],
    [
      'two factors that are on, without one, after the mailbox',
      { mfaEnabled: true, proven: [password, mailedCode] },
      'enroll_second_factor',
    ],
    ['a mailed code adds no factor', { ...on, proven: [password, mailedCode] }, 'second_factor'],
    ['a required factor that is enrolled', { secondFactorRequired: true, hasSecondFactor: true }, 'second_factor'],
    ['a required factor that is not enrolled', { secondFactorRequired: true }, 'confirm_mailbox'],
    [
      'a required factor that is not enrolled, after a mailed link',
      { secondFactorRequired: true, proven: [mailedCode] },
      'enroll_second_factor',
    ],
    [
      'an authenticator that was proven is no mailbox',
      { secondFactorRequired: true, proven: [securityKey] },
      'confirm_mailbox',
    ],
    ['a required factor that was proven', { secondFactorRequired: true, proven: [password, totp] }, 'done'],
    ['a password that must change', { passwordMustChange: true }, 'change_password'],
    [
      'a factor is enrolled before the password changes',
      { passwordMustChange: true, secondFactorRequired: true, proven: [mailedCode] },
      'enroll_second_factor',
    ],
    ['terms not accepted', { termsAccepted: false }, 'accept_terms'],
    [
      'the password changes before terms are accepted',
      { termsAccepted: false, passwordMustChange: true },
      'change_password',
    ],
    ['a pending deletion', { pendingDeletion: true }, 'cancel_deletion'],
    ['terms come before the pending deletion', { pendingDeletion: true, termsAccepted: false }, 'accept_terms'],
  ])('%s: %j → %s', (_, facts, step) => {
    expect(nextStep({ ...complete, ...facts })).toBe(step);
  });

  const anyFacts = fc.record<LoginFacts>({
    proven: fc.array(fc.constantFrom(password, mailedCode, totp, passkey, securityKey), { maxLength: 3 }),
    emailVerified: fc.boolean(),
    mfaEnabled: fc.boolean(),
    secondFactorRequired: fc.boolean(),
    hasSecondFactor: fc.boolean(),
    passwordMustChange: fc.boolean(),
    termsAccepted: fc.boolean(),
    pendingDeletion: fc.boolean(),
  });

  it('is not done while a step is missing, in any combination of facts', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        if (nextStep(facts) !== 'done') return;
        expect(facts.proven.length).toBeGreaterThan(0);
        expect(facts.emailVerified && facts.termsAccepted && !facts.passwordMustChange && !facts.pendingDeletion).toBe(
          true,
        );
        const kinds = new Set(facts.proven.map((factor) => factor.kind));
        const strong = kinds.size > 1 || facts.proven.some((factor) => factor.userVerified);
        expect(strong || !(facts.mfaEnabled || facts.secondFactorRequired)).toBe(true);
      }),
    );
  });

  it('sets no factor up before the mailbox is proven, in any combination of facts', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        if (nextStep(facts) !== 'enroll_second_factor') return;
        expect(facts.emailVerified && facts.proven.includes(mailedCode)).toBe(true);
      }),
    );
  });

  it('depends on no other fact until an enrolled second factor is proven', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const weak = { ...facts, proven: [password], ...on };
        expect(nextStep(weak)).toBe('second_factor');
      }),
    );
  });
});

describe('the facts of a candidate', () => {
  const candidate = {
    emailVerified: true,
    mustChange: false,
    mfaEnabled: false,
    hasTotp: false,
    hasRecoveryCode: false,
    hasRole: false,
    status: 'active',
  } as Candidate;

  it.each<[string, Partial<Candidate>, Partial<LoginFacts>]>([
    ['an active user', {}, {}],
    ['an unverified user', { emailVerified: false }, { emailVerified: false }],
    ['a user whose password must change', { mustChange: true }, { passwordMustChange: true }],
    ['a user of two factors', { mfaEnabled: true, hasTotp: true }, on],
    ['a user with only recovery codes left', { mfaEnabled: true, hasRecoveryCode: true }, on],
    ['a user whose deletion is pending', { status: 'pending_deletion' }, { pendingDeletion: true }],
  ])('are complete for %s', (_, over, facts) => {
    expect(loginFacts({ ...candidate, ...over }, [password], 'admins')).toEqual({ ...complete, ...facts });
  });

  it.each([
    ['nobody', false, false],
    ['nobody', true, false],
    ['admins', false, false],
    ['admins', true, true],
    ['everybody', false, true],
    ['everybody', true, true],
  ] as const)('for %s, with a role: %s, require a second factor: %s', (rule, hasRole, secondFactorRequired) => {
    expect(loginFacts({ ...candidate, hasRole }, [password], rule)).toMatchObject({ secondFactorRequired });
  });
});
