/** What users change of their profile by themselves. Nothing ends by it: it proves and unproves nothing. */
import type { AuditLog } from '#domain/audit/index.ts';
import { type ChangeSide, findPendingChange, openNewAddress } from '#domain/one-time-tokens/index.ts';
import { changeProfile, type ProfileFields, type UserProfile, type Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';

/** What the profile needs. */
export interface Profile {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly audit: AuditLog;
}

/** A profile with the address that waits for its links, as it was typed; null when none does. */
export interface OwnProfile extends UserProfile {
  readonly pendingEmail: string | null;
  /** Where the links were not pressed yet; empty when no change waits. */
  readonly pendingEmailWaitsFor: readonly ChangeSide[];
}

/** The caller's profile as it stands. */
export async function readOwn(flow: Profile, { userId }: Principal): Promise<OwnProfile> {
  const pending = findPendingChange(flow.database, userId, flow.clock.now());
  const [user, change] = await Promise.all([flow.users.profile(userId), pending]);
  if (user === undefined) throw gone();
  if (change === undefined) return { ...user, pendingEmail: null, pendingEmailWaitsFor: [] };
  const key = await flow.users.key(userId);
  if (key === undefined) throw gone();
  const pendingEmail = openNewAddress(key, change.tokenId, change.sealed).asTyped;
  return { ...user, pendingEmail, pendingEmailWaitsFor: change.waitingFor };
}

/** Changes what is given; what says nothing new leaves no event. */
export async function changeOwn(flow: Profile, principal: Principal, wanted: Partial<ProfileFields>): Promise<void> {
  const { userId, sessionId, authEpoch } = principal;
  const now = flow.clock.now();
  const key = await flow.users.key(userId);
  if (key === undefined) throw gone();
  await flow.database.transaction(async (tx) => {
    const user = await flow.users.lock(tx, userId);
    if (user?.authEpoch !== authEpoch) throw gone();
    const changed = await changeProfile(tx, userId, wanted, now);
    const fields = Object.keys(changed).sort();
    if (fields.length === 0) return;
    const actor = { kind: 'user', id: userId } as const;
    const event = { action: 'profile.changed', at: now, actor, userId, sessionId, facts: { fields } } as const;
    await flow.audit.record(tx, { ...event, personal: changed }, key);
  });
}

/** The gate saw a live session; since then somebody ended or erased what it stood for. */
function gone(): Problem {
  return new Problem('not_authenticated', { log: 'the session or its user went meanwhile' });
}
