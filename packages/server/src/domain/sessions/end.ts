/** Revocation sessions: one statement ends the session and its refresh families, announces the ending and records it. */

import { type AuditValues, recordFragment } from '#domain/audit/index.ts';
import { type Revocation, revocationExpiry, revocationsFragment } from '#domain/revocations/index.ts';
import { type Queries, statement } from '#platform/database/index.ts';

/** Why a session ended before its time. */
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

/** The CTE `ended_families`: ends the families of the CTE `from`'s `session_id`s. */
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

/** A session that this effect ended, as `Revocations.publish` takes it after the commit. */
export type EndedSession = Omit<Revocation, 'id'>;

interface EndRequest {
  readonly userId: string;
  readonly reason: EndReason;
  readonly now: Date;
  readonly accessTokenLifetimeSeconds: number;
}

/** Ends one session of the user, with the event that says so; undefined when it is not theirs or not alive. */
export async function endSession(
  queries: Queries,
  sessionId: string,
  request: EndRequest,
  event: AuditValues,
): Promise<EndedSession | undefined> {
  const values = { sessionId, userId: request.userId, reason: request.reason, ...times(request), ...event };
  const row = await queries.row(end, values);
  return row === undefined ? undefined : toRevocation(row.sessionId, request);
}

/** Ends every session of the user but `except`; the caller records it in the same transaction. */
export async function endSessionsOfUser(
  tx: Queries,
  request: EndRequest & { readonly except?: string },
): Promise<EndedSession[]> {
  const values = { userId: request.userId, except: request.except ?? null, reason: request.reason, ...times(request) };
  const rows = await tx.rows(endAll, values);
  return rows.map((row) => toRevocation(row.sessionId, request));
}

function times(request: EndRequest) {
  return {
    endedAt: request.now,
    revocationExpiresAt: revocationExpiry(request.now, request.accessTokenLifetimeSeconds),
  };
}

function toRevocation(sessionId: string, request: EndRequest): EndedSession {
  const expiresAt = revocationExpiry(request.now, request.accessTokenLifetimeSeconds);
  return { kind: 'session', target: sessionId, epoch: null, expiresAt };
}
