/** A registration that nobody confirmed loses its address to whoever proves it (invariant 18). */
import type { AuditLog } from '#domain/audit/index.ts';
import { deleteUnprovenUser } from '#domain/users/index.ts';
import type { Queries } from '#platform/database/index.ts';

/**
 * Deletes a locked user who never proved an address, with the event that says so; false when they did meanwhile. Their
 * links die with them.
 */
export async function supersedeRegistration(tx: Queries, audit: AuditLog, userId: string, now: Date): Promise<boolean> {
  if (!(await deleteUnprovenUser(tx, userId))) return false;
  const actor = { kind: 'system' } as const;
  await audit.record(tx, { action: 'user.registration_superseded', at: now, actor, userId });
  return true;
}
