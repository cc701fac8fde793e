/**
 * Ending sessions: one statement ends the session and its refresh families, inserts the revocation and records the
 * event.
 */

import { type AuditValues, recordFragment } from '#domain/audit/index.ts';
import { revocationsFragment } from '#domain/revocations/index.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';

/** Why a session ended before its expiry. */
export type EndReason =
  | 'logout'
  | 'ended_by_user'
  | 'ended_by_operator'
  | 'logged_out_everywhere'
  | 'refresh_token_reuse'
  | 'too_many_sessions'
  | 'account_deleted'
  | 'password_changed'
  | 'email_changed'
  | 'email_change_undone'
  | 'password_reset'
  | 'role_changed'
  | 'factors_changed'
  | 'renewed'
  | 'disabled';

/** The CTE `ended_families`: ends the families of the `session_id`s in the CTE `from`. */
function endFamiliesFragment(from: string): string {
  return `ended_families as (
    update refresh_families f set ended_at = :endedAt, end_reason = :reason
    from ${from} where f.session_id = ${from}.session_id and f.ended_at is null)`;
}

const announced = revocationsFragment('session', 'ended');
const audited = recordFragment('ended');

const end = statement('sessions.end', {
  lane: 'write',
  sql: `with ended as (
      update sessions set ended_at = :endedAt, end_reason = :reason
      where id = :sessionId and user_id = :userId and ended_at is null and expires_at > :endedAt
      returning id as session_id, user_id, end_reason),
    ${endFamiliesFragment('ended')},
    ${announced.sql},
    ${audited.sql}
    select session_id, user_id, end_reason from ended`,
  params: { sessionId: 'uuid', userId: 'uuid', reason: 'text', ...announced.params, ...audited.params },
  columns: { sessionId: 'uuid', userId: 'uuid', endReason: 'text?' },
  after: { revokes: { kind: 'session', target: 'sessionId', reason: 'endReason' } },
});

const endAll = statement('sessions.end_all_of_user', {
  lane: 'pool',
  sql: `with ended as (
      update sessions set ended_at = :endedAt, end_reason = :reason
      where user_id = :userId and ended_at is null and id is distinct from :except::uuid
      returning id as session_id, user_id, end_reason),
    ${endFamiliesFragment('ended')},
    ${announced.sql}
    select session_id, user_id, end_reason from ended`,
  params: { userId: 'uuid', except: 'uuid?', reason: 'text', ...announced.params },
  columns: { sessionId: 'uuid', userId: 'uuid', endReason: 'text?' },
  after: { revokes: { kind: 'session', target: 'sessionId', reason: 'endReason' } },
});

/** The most active sessions of a user. */
const maxSessions = 100;

/**
 * A login that finds this many earlier sessions calls `endExcessSessions`. The margin covers the logins that can be
 * committing at the same time, on the write connections of several nodes.
 */
export const nearSessionLimit = 75;

/**
 * Locks the rows in one order, so that concurrent statements for one user wait for each other instead of deadlocking; the
 * update evaluates `ended_at` again.
 */
const endExcess = statement('sessions.end_excess', {
  lane: 'write',
  sql: `with excess as (
      select id from sessions where user_id = :userId and ended_at is null
      order by created_at desc, id desc offset ${maxSessions}),
    locked as (select id from sessions where id in (select id from excess) and ended_at is null order by id for update),
    ended as (
      update sessions s set ended_at = :endedAt, end_reason = :reason from locked where s.id = locked.id
      returning s.id as session_id, s.user_id, s.end_reason),
    ${endFamiliesFragment('ended')},
    ${announced.sql}
    select session_id, end_reason from ended`,
  params: { userId: 'uuid', reason: 'text', ...announced.params },
  columns: { sessionId: 'uuid', endReason: 'text?' },
  after: { revokes: { kind: 'session', target: 'sessionId', reason: 'endReason' } },
});

interface EndRequest {
  readonly userId: string;
  readonly reason: EndReason;
  readonly now: Date;
}

/** Ends one session of the user and records the event; false when the session is not the user's or has ended. */
export async function endSession(
  queries: Queries,
  sessionId: string,
  { userId, reason, now }: EndRequest,
  event: AuditValues,
): Promise<boolean> {
  return (await queries.row(end, { sessionId, userId, reason, endedAt: now, ...event })) !== undefined;
}

/** Ends every session of the user but `except`, and returns how many; the caller records the event. */
export async function endSessionsOfUser(
  tx: Queries,
  { userId, reason, now, except = null }: EndRequest & { readonly except?: string | null },
): Promise<number> {
  return (await tx.rows(endAll, { userId, except, reason, endedAt: now })).length;
}

/**
 * Ends the oldest sessions of a user beyond the limit. Call it after the commit of a new session, never within its
 * transaction: a statement does not see sessions that are committed while it runs, but of concurrent callers the last one
 * sees them all.
 */
export async function endExcessSessions(
  database: Database,
  { userId, now }: Pick<EndRequest, 'userId' | 'now'>,
): Promise<void> {
  await database.rows(endExcess, { userId, reason: 'too_many_sessions', endedAt: now });
}
