import { attemptKinds, resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditActor } from '#domain/audit/index.ts';
import type { AdminUsers } from './admin-users.ts';

/** Resets all failed attempts of the user, which ends the delay before the next one. False when the user was deleted. */
export function unlockUser(flow: AdminUsers, actor: AuditActor, userId: string): Promise<boolean> {
  return flow.database.transaction(async (tx) => {
    if (!(await flow.users.lock(tx, userId))) return false;
    await resetFailedAttempts(tx, userId, ...attemptKinds);
    const at = flow.clock.now();
    await flow.audit.record(tx, { action: 'user.unlocked', at, actor, userId });
    return true;
  });
}
