/** What accepting does. */

import type { AuditLog } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import { type ActiveInvitation, findActiveInvitation, useInvitation } from '#domain/invitations/index.ts';
import type { PasswordHashes, PasswordRules } from '#domain/passwords/index.ts';
import type { RegistrationHook } from '#domain/registrations/index.ts';
import { createVerifiedUser, supersedeRegistration } from '#domain/registrations/index.ts';
import { isRole } from '#domain/roles/index.ts';
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

/** What accepting needs. */
export interface AcceptInvitation {
  readonly mode: 'open' | 'invite' | 'closed';
  /** The operator's own say, where there is one. */
  readonly registrationHook: RegistrationHook | undefined;
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
  /** Called after each, for the counter. */
  readonly onAccepted: () => void;
}

/** What an invited person sends. */
export interface Acceptance {
  readonly token: string;
  readonly name: string;
  readonly password: string;
  /** Undefined: the invitation's. */
  readonly locale: string | undefined;
}

/** Looks at an invitation without using it. Where nobody may register, none is alive. */
export async function readInvitation(flow: AcceptInvitation, token: string): Promise<ActiveInvitation | undefined> {
  return flow.mode === 'closed' ? undefined : findActiveInvitation(flow.database, token, flow.clock.now());
}

/** The address changed hands between reading and writing at most this often; then the caller may try again. */
const maxTries = 3;

/**
 * Makes the account: the invitation's address, which the mail has reached, is proven by it.
 * Whoever registered with it and never proved it loses it (invariant 18). An address that somebody proved meanwhile is
 * refused like a dead link, and the invitation stays as it was.
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
  for (let attempt = 1; attempt <= maxTries; attempt += 1) {
    const holder = await findHolderOfEmail(flow.database, invitation.canonical);
    if (await tryToUse(flow, { acceptance, phc, holderId: holder?.userId, caller })) return flow.onAccepted();
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the address changed hands at every attempt' });
}

interface Use {
  readonly acceptance: Acceptance;
  readonly phc: string;
  /** Who had the address a moment ago: whose row is locked. */
  readonly holderId: string | undefined;
  readonly caller: Caller;
}

/** Thrown, so that the transaction takes the use of the invitation back. */
class ChangedHands extends Error {}

/** False when the address changed hands meanwhile. */
async function tryToUse(flow: AcceptInvitation, input: Use): Promise<boolean> {
  try {
    await flow.database.transaction((tx) => use(flow, tx, input));
    return true;
  } catch (error) {
    if (error instanceof ChangedHands) return false;
    throw error;
  }
}

async function use(flow: AcceptInvitation, tx: Queries, { acceptance, phc, holderId, caller }: Use): Promise<void> {
  const { token, name, locale } = acceptance;
  if (holderId !== undefined) await flow.users.lock(tx, holderId);
  const now = flow.clock.now();
  const invitation = await useInvitation(tx, token, now);
  if (invitation === undefined) throw new Problem('invalid_token');
  await takeFromUnproven(flow, tx, { canonical: invitation.canonical, holderId, now });
  const userId = flow.makeId();
  const { asTyped, canonical, role } = invitation;
  const roles = role !== null && isRole(role) ? [role] : [];
  const user = { userId, email: { asTyped, canonical }, name, locale: locale ?? invitation.locale, roles, phc, now };
  const made = await createVerifiedUser(tx, flow, user, {
    action: 'invitation.accepted',
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    facts: { invitationId: invitation.id, roles },
    personal: clientInfoOf(caller),
  });
  if (!made) throw new ChangedHands();
}

async function takeFromUnproven(
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
  if (holder.isProven) throw new Problem('invalid_token', { log: 'the invited address belongs to somebody' });
  if (holder.userId !== holderId) throw new ChangedHands();
  if (!(await supersedeRegistration(tx, flow.audit, holder.userId, now))) throw new ChangedHands();
}
