import type { AuditLog } from '#domain/audit/index.ts';
import { deleteUnprovenUser } from '#domain/users/index.ts';
import type { Queries } from '#platform/database/index.ts';

/**
 * Deletes a user without a verified address, together with the user's links (invariant 18). The address is then free for the
 * user who has proved it. Call it under the lock of the user's row. Returns false when the user has a verified address.
 */
export async function supersedeRegistration(tx: Queries, audit: AuditLog, userId: string, now: Date): Promise<boolean> {
  if (!(await deleteUnprovenUser(tx, userId))) return false;
  const actor = { kind: 'system' } as const;
  await audit.record(tx, { action: 'user.registration_superseded', at: now, actor, userId });
  return true;
}
