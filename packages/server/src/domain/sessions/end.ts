/**
 * Ending sessions: one statement ends the session and its refresh families, inserts the revocation and records the
 * event.
 */

import { type AuditValues, recordFragment } from '#domain/audit/index.ts';
import { revocationsFragment } from '#domain/revocations/index.ts';
import { type Queries, statement } from '#platform/database/index.ts';

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
  | 'disabled';

/** The CTE `ended_families`: ends the families of the `session_id`s in the CTE `from`. */
export function endFamiliesFragment(from: string): string {
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
      returning id as session_id, user_id),
    ${endFamiliesFragment('ended')},
    ${announced.sql},
    ${audited.sql}
    select session_id, user_id from ended`,
  params: { sessionId: 'uuid', userId: 'uuid', reason: 'text', ...announced.params, ...audited.params },
  columns: { sessionId: 'uuid', userId: 'uuid' },
  after: { revokes: { kind: 'session', target: 'sessionId' } },
});

const endAll = statement('sessions.end_all_of_user', {
  lane: 'pool',
  sql: `with ended as (
      update sessions set ended_at = :endedAt, end_reason = :reason
      where user_id = :userId and ended_at is null and id is distinct from :except::uuid
      returning id as session_id, user_id),
    ${endFamiliesFragment('ended')},
    ${announced.sql}
    select session_id, user_id from ended`,
  params: { userId: 'uuid', except: 'uuid?', reason: 'text', ...announced.params },
  columns: { sessionId: 'uuid', userId: 'uuid' },
  after: { revokes: { kind: 'session', target: 'sessionId' } },
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
