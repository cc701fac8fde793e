/**
 * A session that is used by a different client than before: its row stores the new client information, and one event
 * records the change.
 */

import { type AuditValues, recordFragment } from '#domain/audit/index.ts';
import type { ClientInfo } from '#kernel/requester.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { openClientInfo, sealClientInfo } from './session.ts';

const audited = recordFragment('moved');

const move = statement('sessions.move', {
  lane: 'write',
  sql: `with moved as (
      update sessions set sealed_client_info = :after
      where id = :sessionId and sealed_client_info = :before and ended_at is null
      returning id),
    ${audited.sql}
    select id from moved`,
  params: { sessionId: 'uuid', before: 'bytea', after: 'bytea', ...audited.params },
  columns: { id: 'uuid' },
});

/** The client information of the last use, encrypted. */
export interface LastClientInfo {
  readonly sessionId: string;
  readonly sealed: Uint8Array;
}

/** Whether the client information differs from the stored one. */
export function hasMoved(key: UserKey, last: LastClientInfo, now: ClientInfo): boolean {
  const before = openClientInfo(key, last.sessionId, last.sealed);
  return before.address !== now.address || before.userAgent !== now.userAgent;
}

/**
 * Stores the new client information and records the event. Of concurrent calls, one that read the stored information
 * succeeds.
 */
export async function moveSession(
  queries: Queries,
  key: UserKey,
  last: LastClientInfo,
  to: ClientInfo,
  event: AuditValues,
): Promise<void> {
  const { sessionId, sealed } = last;
  await queries.run(move, {
    sessionId,
    before: Buffer.from(sealed),
    after: sealClientInfo(key, sessionId, to),
    ...event,
  });
}
