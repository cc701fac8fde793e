/** What `nextStep` is asked about: the user as stored, and what the login has proven. */
import { type Queries, statement } from '#platform/database/index.ts';
import { type LoginFacts, type LoginStep, nextStep, type ProvenFactor } from './next-step.ts';
import type { LoginInProgress } from './tickets.ts';

/** Whose login it is. */
export interface LoginSubject {
  readonly status: string;
  readonly emailVerified: boolean;
  readonly mustChange: boolean;
}

/** The facts of a login; the one place that a further policy enters. */
export function loginFacts(subject: LoginSubject, proven: readonly ProvenFactor[]): LoginFacts {
  return {
    proven,
    emailVerified: subject.emailVerified,
    secondFactorEnrolled: false,
    secondFactorRequired: false,
    passwordMustChange: subject.mustChange,
    termsAccepted: true,
    pendingDeletion: subject.status === 'pending_deletion',
  };
}

const read = statement('logins.read_subject', {
  lane: 'pool',
  sql: `select u.status, coalesce(p.must_change, false) as must_change, exists (
      select from identifiers i
      where i.user_id = u.id and i.kind = 'email' and i.is_primary and i.verified_at is not null) as email_verified
    from users u left join passwords p on p.user_id = u.id where u.id = :userId`,
  params: { userId: 'uuid' },
  columns: { status: 'text', mustChange: 'bool?', emailVerified: 'bool?' },
});

/**
 * What a login that a ticket carries still needs now, in the transaction that used the ticket.
 * A step's endpoint asks before it acts: a ticket for one step is none for a later one.
 */
export async function stepOfLogin(tx: Queries, login: LoginInProgress): Promise<LoginStep> {
  const row = await tx.row(read, { userId: login.userId });
  if (row === undefined) return 'first_factor';
  const { status, mustChange, emailVerified } = row;
  return nextStep(
    loginFacts({ status, mustChange: mustChange === true, emailVerified: emailVerified === true }, login.proven),
  );
}
