import type { AuditLog } from '#domain/audit/index.ts';
import { endSession } from '#domain/sessions/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';

export interface Logout {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly audit: AuditLog;
}

/** Ends the requester's session, by one statement. Idempotent. */
export async function logOut(flow: Logout, principal: Principal): Promise<void> {
  const now = flow.clock.now();
  const { userId, sessionId } = principal;
  await endSession(
    flow.database,
    sessionId,
    { userId, reason: 'logout', now },
    flow.audit.values({
      action: 'session.logged_out',
      at: now,
      actor: { kind: 'user', id: userId },
      userId,
      sessionId,
    }),
  );
}

/** Ends every session of the requester's user, and returns how many. */
export async function logOutEverywhere(flow: Logout, { userId, sessionId }: Principal): Promise<number> {
  const { endedSessions } = await flow.database.transaction((tx) =>
    changeUser(flow, tx, undefined, {
      userId,
      now: flow.clock.now(),
      refusal: 'not_authenticated',
      sessions: { kind: 'end_all', reason: 'logged_out_everywhere' },
      event: ({ endedSessions: sessions }) => ({
        action: 'session.logged_out_everywhere',
        actor: { kind: 'user', id: userId },
        sessionId,
        facts: { sessions },
      }),
    }),
  );
  return endedSessions;
}
