/** Reading a login in progress for a page that shows its next step. Decides nothing: the step itself reads again. */
import { statement } from '#platform/database/index.ts';
import { findCandidate, isGracePeriodOver } from './candidate.ts';
import type { LoginGate } from './decide.ts';
import { type LoginStep, loginFacts, nextStep, type SecondFactorKind, secondFactorsOf } from './next-step.ts';
import { findTicket, type PresentedTicket } from './tickets.ts';

/** A login as a page shows it. */
export interface ShownLogin {
  /** The id of its ticket, which the form carries. */
  readonly id: string;
  readonly step: LoginStep;
  /** The second factors that the user has. */
  readonly factors: readonly SecondFactorKind[];
  /** The user's address, as typed; null after its release. */
  readonly email: string | null;
  /** The user's language. */
  readonly locale: string;
  /** The end of the grace period of a user whose deletion is pending. */
  readonly deletesAt: Date | undefined;
}

const primaryAddress = statement('logins.primary_address', {
  lane: 'read',
  sql: `select i.as_typed as email from identifiers i where i.user_id = :userId and i.kind = 'email' and i.is_primary`,
  params: { userId: 'uuid' },
  columns: { email: 'text' },
});

/** Returns undefined for a ticket that is not usable, or of another browser. */
export async function showLogin(
  { database, secondFactorFor }: Pick<LoginGate, 'database' | 'secondFactorFor'>,
  ticket: PresentedTicket,
  now: Date,
): Promise<ShownLogin | undefined> {
  const login = await findTicket(database, ticket, now);
  if (login === undefined) return undefined;
  const candidate = await findCandidate(database, { userId: login.userId, now });
  if (candidate === undefined || isGracePeriodOver(candidate, now)) return undefined;
  const { locale, deletesAt } = candidate;
  const step = nextStep(loginFacts(candidate, login.proven, secondFactorFor));
  const address = await database.row(primaryAddress, { userId: login.userId });
  const factors = secondFactorsOf(candidate);
  return { id: login.id, step, factors, email: address?.email ?? null, locale, deletesAt };
}
