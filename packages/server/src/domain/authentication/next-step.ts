/** Policy in one place: what a login still needs, as a pure function of what was proven and of whose login it is. */

/** What a login still needs. */
export type LoginStep =
  | 'first_factor'
  | 'second_factor'
  | 'enroll_second_factor'
  | 'verify_email'
  | 'change_password'
  | 'accept_terms'
  | 'cancel_deletion'
  | 'done';

/** A factor that this login has proven; `amr` values are those of RFC 8176. */
export interface ProvenFactor {
  readonly amr: 'pwd' | 'otp' | 'hwk' | 'swk' | 'mca';
  /** Whether it is something known or something held; two of one kind are one factor. */
  readonly kind: 'knowledge' | 'possession';
  /** Whether it proved two factors by itself (a passkey with user verification). */
  readonly userVerified: boolean;
}

/** Everything that the decision depends on. */
export interface LoginFacts {
  readonly proven: readonly ProvenFactor[];
  readonly emailVerified: boolean;
  readonly secondFactorEnrolled: boolean;
  readonly secondFactorRequired: boolean;
  readonly passwordMustChange: boolean;
  readonly termsAccepted: boolean;
  readonly pendingDeletion: boolean;
}

/**
 * The order is security: nothing about the account is asked of, or told to, somebody who has not proven every factor
 * that the account has; an address is proven before anything is changed in its name.
 */
export function nextStep(facts: LoginFacts): LoginStep {
  if (facts.proven.length === 0) return 'first_factor';
  const strong = provesTwoFactors(facts.proven);
  if (facts.secondFactorEnrolled && !strong) return 'second_factor';
  if (!facts.emailVerified) return 'verify_email';
  if (facts.secondFactorRequired && !strong) return 'enroll_second_factor';
  if (facts.passwordMustChange) return 'change_password';
  if (!facts.termsAccepted) return 'accept_terms';
  if (facts.pendingDeletion) return 'cancel_deletion';
  return 'done';
}

/** Two factors are one of each kind, or one that verified the user itself (NIST SP 800-63B-4 §2.2.1). */
function provesTwoFactors(proven: readonly ProvenFactor[]): boolean {
  if (proven.some((factor) => factor.userVerified)) return true;
  return new Set(proven.map((factor) => factor.kind)).size > 1;
}
