import type { AuditEvent, AuditLog } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import type { ActiveInvitation } from '#domain/invitations/index.ts';
import { isRole, roleNameOf } from '#domain/roles/index.ts';
import { type RoleChange, requireForRole } from '#domain/second-factors/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { MakeId } from '#kernel/ids.ts';
import type { JsonObject } from '#kernel/json.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { HolderChanged } from './address-holder.ts';
import { supersedeRegistration } from './superseded.ts';
import { createVerifiedUser } from './verified-user.ts';

interface InvitedUserDeps extends RoleChange {
  readonly keys: Keys;
  readonly makeId: MakeId;
  readonly audit: AuditLog;
  readonly users: Users;
}

/** An invitation that is accepted. */
export interface InvitedUser {
  /** Uses the invitation; undefined when it is no longer active. */
  readonly use: (tx: Queries, now: Date) => Promise<ActiveInvitation | undefined>;
  /** The user who held the address at the read before the transaction; the transaction locks this user. */
  readonly holderId: string | undefined;
  readonly name: string;
  /** When undefined, the locale of the invitation. */
  readonly locale: string | undefined;
  /** Undefined for a user who signs in with a provider. */
  readonly phc: string | undefined;
  readonly facts: JsonObject;
  readonly personal: NonNullable<AuditEvent['personal']>;
  readonly now: Date;
}

/**
 * Uses an invitation and creates its user, whose address the mailed link verifies. Deletes an unverified registration of that
 * address (invariant 18).
 *
 * @throws Problem `invalid_token`, also when another user has verified the address meanwhile; the invitation then stays unused.
 * @throws HolderChanged when the holder of the address changed since it was read.
 */
export async function createInvitedUser(
  tx: Queries,
  deps: InvitedUserDeps,
  { use, holderId, name, locale, phc, facts, personal, now }: InvitedUser,
): Promise<{ readonly userId: string; readonly userKey: UserKey }> {
  if (holderId !== undefined) await deps.users.lock(tx, holderId);
  const invitation = await use(tx, now);
  if (invitation === undefined) throw new Problem('invalid_token');
  const { asTyped, canonical, role: stored } = invitation;
  await supersedeUnverified(tx, deps, { canonical, holderId, now });
  const userId = deps.makeId();
  const role = stored === null ? '' : roleNameOf(stored);
  const roles = isRole(role) ? [role] : [];
  const user = { userId, email: { asTyped, canonical }, name, locale: locale ?? invitation.locale, roles, phc, now };
  const userKey = await createVerifiedUser(tx, deps, user, {
    action: 'invitation.accepted',
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    facts: { invitationId: invitation.id, roles, ...facts },
    personal,
  });
  if (userKey === undefined) throw new HolderChanged();
  if (roles.length > 0) await requireForRole(tx, deps, userId);
  return { userId, userKey };
}

async function supersedeUnverified(
  tx: Queries,
  { audit }: InvitedUserDeps,
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
  if (!(await supersedeRegistration(tx, audit, holder.userId, now))) throw new HolderChanged();
}
