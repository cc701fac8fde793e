import type { AuditLog } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { type ActiveInvitation, findActiveInvitation, useInvitation } from '#domain/invitations/index.ts';
import type { PasswordHashes, PasswordRules } from '#domain/passwords/index.ts';
import type { RegistrationHook } from '#domain/registrations/index.ts';
import { createVerifiedUser, supersedeRegistration } from '#domain/registrations/index.ts';
import { isRole, roleNameOf } from '#domain/roles/index.ts';
import { requireForRole, type SecondFactorRule } from '#domain/second-factors/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

export interface AcceptInvitation {
  readonly mode: 'open' | 'invite' | 'closed';
  /** Undefined when no hook is configured. */
  readonly registrationHook: RegistrationHook | undefined;
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly secondFactorFor: SecondFactorRule;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
  /** Called after each acceptance; feeds a metric. */
  readonly onAccepted: () => void;
}

export interface Acceptance {
  readonly token: string;
  readonly name: string;
  readonly password: string;
  /** When undefined, the locale of the invitation. */
  readonly locale: string | undefined;
}

/** Reads an invitation without using it. While registration is closed, no invitation is active. */
export async function readInvitation(flow: AcceptInvitation, token: string): Promise<ActiveInvitation | undefined> {
  return flow.mode === 'closed' ? undefined : findActiveInvitation(flow.database, token, flow.clock.now());
}

/** Bounds the retries when the holder of the address changes between the read and the write. */
const maxAttempts = 3;

/**
 * Creates the user with the invited address, which the mailed token verifies. Deletes an unverified registration of that
 * address (invariant 18).
 *
 * @throws `invalid_token` also when another user has verified the address meanwhile; the invitation then stays unused.
 * @throws `busy` when the holder of the address changed at every attempt.
 */
export async function acceptInvitation(flow: AcceptInvitation, acceptance: Acceptance, caller: Caller): Promise<void> {
  const { token, name, password } = acceptance;
  const invitation = await readInvitation(flow, token);
  if (invitation === undefined) throw new Problem('invalid_token');
  const locale = acceptance.locale ?? invitation.locale;
  const languages = [locale, ...wantedLanguages(caller.acceptLanguage)];
  const candidate = { password, field: '/password', about: [invitation.canonical, name], languages };
  const accepted = await flow.passwordRules.accept(candidate);
  await flow.registrationHook?.admit({ via: 'invitation', email: invitation.canonical, name, locale }, caller);
  const phc = await flow.hashes.compute(accepted);
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const holder = await findHolderOfEmail(flow.database, invitation.canonical);
    if (await tryToUse(flow, { acceptance, phc, holderId: holder?.userId, caller })) return flow.onAccepted();
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}

interface InvitationUse {
  readonly acceptance: Acceptance;
  readonly phc: string;
  /** The user who held the address at the read before the transaction; the transaction locks this user. */
  readonly holderId: string | undefined;
  readonly caller: Caller;
}

/** Thrown to roll back the use of the invitation, so that a retry can use it. */
class HolderChanged extends Error {}

/** False when the holder of the address changed since it was read. */
async function tryToUse(flow: AcceptInvitation, input: InvitationUse): Promise<boolean> {
  try {
    await flow.database.transaction((tx) => use(flow, tx, input));
    return true;
  } catch (error) {
    if (error instanceof HolderChanged) return false;
    throw error;
  }
}

async function use(
  flow: AcceptInvitation,
  tx: Queries,
  { acceptance, phc, holderId, caller }: InvitationUse,
): Promise<void> {
  const { token, name, locale } = acceptance;
  if (holderId !== undefined) await flow.users.lock(tx, holderId);
  const now = flow.clock.now();
  const invitation = await useInvitation(tx, token, now);
  if (invitation === undefined) throw new Problem('invalid_token');
  await supersedeUnverified(flow, tx, { canonical: invitation.canonical, holderId, now });
  const userId = flow.makeId();
  const { asTyped, canonical, role: stored } = invitation;
  const role = stored === null ? '' : roleNameOf(stored);
  const roles = isRole(role) ? [role] : [];
  const user = { userId, email: { asTyped, canonical }, name, locale: locale ?? invitation.locale, roles, phc, now };
  const created = await createVerifiedUser(tx, flow, user, {
    action: 'invitation.accepted',
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    facts: { invitationId: invitation.id, roles },
    personal: clientInfoOf(caller),
  });
  if (!created) throw new HolderChanged();
  if (roles.length > 0) await requireForRole(tx, flow, userId);
}

async function supersedeUnverified(
  flow: AcceptInvitation,
  tx: Queries,
  {
    canonical,
    holderId,
    now,
  }: { readonly canonical: string; readonly holderId: string | undefined; readonly now: Date },
): Promise<void> {
  const holder = await findHolderOfEmail(tx, canonical);
  if (holder === undefined) return;
  if (holder.isProven) throw new Problem('invalid_token', { log: 'another user has verified the invited address' });
  if (holder.userId !== holderId) throw new HolderChanged();
  if (!(await supersedeRegistration(tx, flow.audit, holder.userId, now))) throw new HolderChanged();
}
