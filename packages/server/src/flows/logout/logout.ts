/** The two ways out. */
import type { AuditLog } from '#domain/audit/index.ts';
import { endSession, endSessionsOfUser } from '#domain/sessions/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';

/** What logging out needs. */
export interface Logout {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly audit: AuditLog;
}

/** Ends the caller's session: one round trip. That it had ended already is no failure. */
export async function logOut(logout: Logout, principal: Principal): Promise<void> {
  const now = logout.clock.now();
  const { userId, sessionId } = principal;
  await endSession(
    logout.database,
    sessionId,
    { userId, reason: 'logout', now },
    logout.audit.values({
      action: 'session.logged_out',
      at: now,
      actor: { kind: 'user', id: userId },
      userId,
      sessionId,
    }),
  );
}

/** Raises the user's epoch and ends every session; answers how many there were. */
export async function logOutEverywhere(logout: Logout, principal: Principal): Promise<number> {
  const now = logout.clock.now();
  const { userId, sessionId } = principal;
  return logout.database.transaction(async (tx) => {
    const raised = await logout.users.raiseEpoch(tx, userId);
    if (raised === undefined) throw new Problem('not_authenticated', { log: 'the user was erased meanwhile' });
    const sessions = await endSessionsOfUser(tx, { userId, reason: 'logged_out_everywhere', now });
    await logout.audit.record(tx, {
      action: 'session.logged_out_everywhere',
      at: now,
      actor: { kind: 'user', id: userId },
      userId,
      sessionId,
      facts: { sessions },
    });
    return sessions;
  });
}
