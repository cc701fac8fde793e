/** The next step of a login, as a pure function of the proven factors and the stored facts. */
import { isSecondFactorRequired, type SecondFactorRule } from '#domain/second-factors/index.ts';
import type { Candidate } from './candidate.ts';

/** The steps of a login, in the order of `nextStep`. */
export type LoginStep =
  | 'first_factor'
  | 'second_factor'
  | 'confirm_mailbox'
  | 'enroll_second_factor'
  | 'verify_email'
  | 'change_password'
  | 'accept_terms'
  | 'cancel_deletion'
  | 'done';

/** The steps that have an endpoint. A login that needs one of them gets a ticket; one that needs another is rejected. */
export type TicketStep =
  | 'second_factor'
  | 'confirm_mailbox'
  | 'enroll_second_factor'
  | 'change_password'
  | 'cancel_deletion';

/** A kind of factor; `amr` values are those of RFC 8176, and `fed` for an identity provider, which it has no value for. */
export interface Factor {
  readonly amr: 'pwd' | 'otp' | 'hwk' | 'swk' | 'mca' | 'fed';
  /** Two factors of one kind count as one factor (NIST SP 800-63B-4 §2.2.1). */
  readonly kind: 'knowledge' | 'possession';
  /** Whether it proves two factors by itself, as a passkey with user verification does. */
  readonly userVerified: boolean;
  /**
   * Its name in the session's `factor_times`. It is not `amr`, because a mailed code and an authenticator's code are
   * both `otp` there.
   */
  readonly factorTime: string;
}

/** The `factorTime` of the mailbox, whether a link or a code proved it. */
export const mailboxFactorTime = 'email';

/** A factor that this login has proven, and when: ISO 8601, as a ticket stores it. */
export interface ProvenFactor extends Factor {
  readonly at: string;
}

/** A second factor that a login can still prove. */
export type SecondFactorKind = 'passkey' | 'totp' | 'recovery_code';

/** The complete input of the decision. */
export interface LoginFacts {
  readonly proven: readonly ProvenFactor[];
  readonly emailVerified: boolean;
  /** The user's own switch. */
  readonly mfaEnabled: boolean;
  /** A rule of the deployment. */
  readonly secondFactorRequired: boolean;
  readonly hasSecondFactor: boolean;
  readonly passwordMustChange: boolean;
  readonly termsAccepted: boolean;
  readonly pendingDeletion: boolean;
}

/**
 * The order is security. Until every enrolled factor is proven, the response depends on no other fact about the user;
 * and the email is verified before anything is changed on its strength. A user who must set a second factor up proves the
 * mailbox first: whoever has only a stolen password must not enroll an authenticator of their own.
 */
export function nextStep(facts: LoginFacts): LoginStep {
  if (facts.proven.length === 0) return 'first_factor';
  const lacksFactor = needsTwoFactors(facts) && !provesTwoFactors(facts.proven);
  if (lacksFactor && facts.hasSecondFactor) return 'second_factor';
  if (!facts.emailVerified) return 'verify_email';
  if (lacksFactor) return enrollmentStep(facts.proven);
  if (facts.passwordMustChange) return 'change_password';
  if (!facts.termsAccepted) return 'accept_terms';
  if (facts.pendingDeletion) return 'cancel_deletion';
  return 'done';
}

/** The user's switch, or a rule of the deployment. */
function needsTwoFactors({ mfaEnabled, secondFactorRequired }: LoginFacts): boolean {
  return mfaEnabled || secondFactorRequired;
}

function enrollmentStep(proven: readonly Factor[]): LoginStep {
  const provesMailbox = proven.some(({ factorTime }) => factorTime === mailboxFactorTime);
  return provesMailbox ? 'enroll_second_factor' : 'confirm_mailbox';
}

/** The facts of a candidate. Those that no table holds yet are constants: a new policy starts here. */
export function loginFacts(candidate: Candidate, proven: readonly ProvenFactor[], rule: SecondFactorRule): LoginFacts {
  return {
    proven,
    emailVerified: candidate.emailVerified,
    mfaEnabled: candidate.mfaEnabled,
    secondFactorRequired: isSecondFactorRequired(rule, candidate),
    hasSecondFactor: secondFactorsOf(candidate).length > 0,
    passwordMustChange: candidate.mustChange,
    termsAccepted: true,
    pendingDeletion: candidate.status === 'pending_deletion',
  };
}

/** The second factors that a user can prove. */
export function secondFactorsOf({ hasPasskey, hasTotp, hasRecoveryCode }: Candidate): readonly SecondFactorKind[] {
  const kinds = { passkey: hasPasskey, totp: hasTotp, recovery_code: hasRecoveryCode } as const;
  return (Object.keys(kinds) as SecondFactorKind[]).filter((kind) => kinds[kind]);
}

/** Two factors are one of each kind, or one that verified the user itself (NIST SP 800-63B-4 §2.2.1). */
export function provesTwoFactors(proven: readonly Factor[]): boolean {
  if (proven.some((factor) => factor.userVerified)) return true;
  return new Set(proven.map((factor) => factor.kind)).size > 1;
}
