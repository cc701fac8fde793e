import type { AuditLog } from '#domain/audit/index.ts';
import {
  endSession,
  endSessionsOfUser,
  type ListedSession,
  listSessions,
  openClientInfo,
  type SessionPosition,
  summarizeSessions,
} from '#domain/sessions/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';
import type { KeyRing, UserKey } from '#platform/keys/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import { readCursor, writeCursor } from './cursor.ts';

export interface ManageSessions {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: KeyRing;
  readonly users: Users;
  readonly audit: AuditLog;
}

/** The caller's active sessions, newest first, in pages. Throws `validation_failed` for a cursor of another list. */
export async function listOwn(
  flow: ManageSessions,
  { userId, sessionId }: Principal,
  { limit, cursor }: { readonly limit: number; readonly cursor: string | undefined },
) {
  const now = flow.clock.now();
  const after = cursor === undefined ? undefined : requirePosition(flow, userId, cursor);
  const [key, { live: total }, sessions] = await Promise.all([
    flow.users.key(userId),
    summarizeSessions(flow.database, userId, now),
    listSessions(flow.database, userId, { now, limit: limit + 1, after }),
  ]);
  const page = sessions.slice(0, limit);
  const last = page.at(-1);
  const nextCursor = last !== undefined && sessions.length > limit ? writeCursor(flow.keys, userId, last) : null;
  return { data: page.map((session) => describe(session, key, sessionId)), pagination: { limit, nextCursor, total } };
}

function requirePosition({ keys }: ManageSessions, userId: string, cursor: string): SessionPosition {
  const position = readCursor(keys, userId, cursor);
  if (position !== undefined) return position;
  const error = { path: '/cursor', code: 'invalid_cursor', message: 'This is not the "nextCursor" of this list.' };
  throw new Problem('validation_failed', { errors: [error] });
}

/** Ends one of the caller's sessions. Throws `session_not_found` for an unknown or ended one, and for another user's. */
export async function endOne(flow: ManageSessions, principal: Principal, sessionId: string): Promise<void> {
  const now = flow.clock.now();
  const { userId } = principal;
  const ended = await endSession(
    flow.database,
    sessionId,
    { userId, reason: 'ended_by_user', now },
    flow.audit.values({ action: 'session.ended', at: now, actor: { kind: 'user', id: userId }, userId, sessionId }),
  );
  if (!ended) throw new Problem('session_not_found');
}

/** Ends all of the caller's sessions except the current one. Returns their number. */
export async function endOthers(flow: ManageSessions, principal: Principal): Promise<number> {
  const now = flow.clock.now();
  const { userId, sessionId } = principal;
  return flow.database.transaction(async (tx) => {
    await flow.users.lock(tx, userId);
    const request = { userId, reason: 'ended_by_user', now, except: sessionId } as const;
    const sessions = await endSessionsOfUser(tx, request);
    await flow.audit.record(tx, {
      action: 'session.others_ended',
      at: now,
      actor: { kind: 'user', id: userId },
      userId,
      sessionId,
      facts: { sessions },
    });
    return sessions;
  });
}

function describe(session: ListedSession, key: UserKey | undefined, currentId: string) {
  const { sealedClientInfo: sealed } = session;
  const clientInfo = key === undefined || sealed === null ? undefined : openClientInfo(key, session.id, sealed);
  const { browser, os, words } = describeUserAgent(clientInfo?.userAgent);
  return {
    id: session.id,
    current: session.id === currentId,
    clientId: session.clientId,
    transport: session.transport as 'cookie' | 'token',
    amr: [...session.amr],
    device: { words, browser: browser ?? null, os: os ?? null },
    address: clientInfo?.address ?? null,
    authTime: session.authTime.toISOString(),
    createdAt: session.createdAt.toISOString(),
    lastSeenAt: session.lastSeenAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
  };
}
