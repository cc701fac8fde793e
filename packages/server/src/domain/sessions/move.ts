/** A session that is used from somewhere else than before: its row says where, and one event says that it moved. */

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

/** Where a session was last used, still sealed. */
export interface LastClientInfo {
  readonly sessionId: string;
  readonly sealed: Uint8Array;
}

/** Whether these are other surroundings than the session's. */
export function hasMoved(key: UserKey, last: LastClientInfo, now: ClientInfo): boolean {
  const before = openClientInfo(key, last.sessionId, last.sealed);
  return before.address !== now.address || before.userAgent !== now.userAgent;
}

/** Records the new surroundings with their event; of several at once, the one that knew the last ones. */
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
