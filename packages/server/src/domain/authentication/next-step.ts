/** The next step of a login, as a pure function of the proven factors and the stored facts. */
import type { Candidate } from './candidate.ts';

/** The steps of a login, in the order of `nextStep`. */
export type LoginStep =
  | 'first_factor'
  | 'second_factor'
  | 'enroll_second_factor'
  | 'verify_email'
  | 'change_password'
  | 'accept_terms'
  | 'cancel_deletion'
  | 'done';

/** The steps that have an endpoint. A login that needs one of them gets a ticket; one that needs another is rejected. */
export type TicketStep = 'cancel_deletion';

/** A factor that this login has proven; `amr` values are those of RFC 8176. */
export interface ProvenFactor {
  readonly amr: 'pwd' | 'otp' | 'hwk' | 'swk' | 'mca';
  /** Two factors of one kind count as one factor (NIST SP 800-63B-4 §2.2.1). */
  readonly kind: 'knowledge' | 'possession';
  /** Whether it proves two factors by itself, as a passkey with user verification does. */
  readonly userVerified: boolean;
}

/** The complete input of the decision. */
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
 * The order is security. Until every enrolled factor is proven, the response depends on no other fact about the user;
 * and the email is verified before anything is changed on its strength.
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

/** The facts of a candidate. Those that no table holds yet are constants: a new policy starts here. */
export function loginFacts(candidate: Candidate, proven: readonly ProvenFactor[]): LoginFacts {
  return {
    proven,
    emailVerified: candidate.emailVerified,
    secondFactorEnrolled: false,
    secondFactorRequired: false,
    passwordMustChange: candidate.mustChange,
    termsAccepted: true,
    pendingDeletion: candidate.status === 'pending_deletion',
  };
}

/** Two factors are one of each kind, or one that verified the user itself (NIST SP 800-63B-4 §2.2.1). */
export function provesTwoFactors(proven: readonly ProvenFactor[]): boolean {
  if (proven.some((factor) => factor.userVerified)) return true;
  return new Set(proven.map((factor) => factor.kind)).size > 1;
}
