import type { AuditLog } from '#domain/audit/index.ts';
import { type ChangeSide, findPendingChange, openNewAddress } from '#domain/one-time-tokens/index.ts';
import { changeProfile, type ProfileFields, type UserProfile, type Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';

export interface Profile {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly audit: AuditLog;
}

export interface OwnProfile extends UserProfile {
  /** As typed; null when no change of the address is pending. */
  readonly pendingEmail: string | null;
  /** The addresses that must still confirm the change; empty when none is pending. */
  readonly pendingEmailWaitsFor: readonly ChangeSide[];
}

export async function readOwn(flow: Profile, { userId }: Principal): Promise<OwnProfile> {
  const pending = findPendingChange(flow.database, userId, flow.clock.now());
  const [user, change] = await Promise.all([flow.users.profile(userId), pending]);
  if (user === undefined) throw sessionRevoked();
  if (change === undefined) return { ...user, pendingEmail: null, pendingEmailWaitsFor: [] };
  const key = await flow.users.key(userId);
  if (key === undefined) throw sessionRevoked();
  const pendingEmail = openNewAddress(key, change.tokenId, change.sealed).asTyped;
  return { ...user, pendingEmail, pendingEmailWaitsFor: change.waitingFor };
}

/** Changes the given fields. Fields that keep their value are no change and leave no audit event. */
export async function changeOwn(flow: Profile, principal: Principal, wanted: Partial<ProfileFields>): Promise<void> {
  const { userId, sessionId, authEpoch } = principal;
  const now = flow.clock.now();
  const key = await flow.users.key(userId);
  if (key === undefined) throw sessionRevoked();
  await flow.database.transaction(async (tx) => {
    const user = await flow.users.lock(tx, userId);
    if (user?.authEpoch !== authEpoch) throw sessionRevoked();
    const changed = await changeProfile(tx, userId, wanted, now);
    const fields = Object.keys(changed).sort();
    if (fields.length === 0) return;
    const actor = { kind: 'user', id: userId } as const;
    const event = { action: 'profile.changed', at: now, actor, userId, sessionId, facts: { fields } } as const;
    await flow.audit.record(tx, { ...event, personal: changed }, key);
  });
}

/** The session was active at the check of the request; it was revoked, or its user erased, since then. */
function sessionRevoked(): Problem {
  return new Problem('not_authenticated', {
    log: 'the session was revoked or the user erased since the session check',
  });
}
