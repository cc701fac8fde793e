/** The user's active sessions, for the user. */
import { type Queries, statement } from '#platform/database/index.ts';
import { sessionIsActive } from './session.ts';

const list = statement('sessions.list_live', {
  lane: 'pool',
  sql: `select s.id, s.client_id, s.transport, s.amr, s.auth_time, s.sealed_client_info, s.created_at, s.last_seen_at,
      s.idle_expires_at, s.expires_at
    from sessions s join users u on u.id = s.user_id
    where s.user_id = :userId and ${sessionIsActive}
      and (:afterId::uuid is null or (s.created_at, s.id) < (:afterTime::timestamptz, :afterId::uuid))
    order by s.created_at desc, s.id desc limit :limit`,
  params: { userId: 'uuid', now: 'timestamptz', afterTime: 'timestamptz?', afterId: 'uuid?', limit: 'int8' },
  columns: {
    id: 'uuid',
    clientId: 'text',
    transport: 'text',
    amr: 'text[]',
    authTime: 'timestamptz',
    sealedClientInfo: 'bytea?',
    createdAt: 'timestamptz',
    lastSeenAt: 'timestamptz',
    idleExpiresAt: 'timestamptz',
    expiresAt: 'timestamptz',
  },
});

/** The place of a session in the list. */
export interface SessionPosition {
  readonly createdAt: Date;
  readonly id: string;
}

/** An active session with the client information of its creation, encrypted under the user's key. */
export interface ListedSession {
  readonly id: string;
  readonly clientId: string;
  readonly transport: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  readonly sealedClientInfo: Buffer | null;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly idleExpiresAt: Date;
  readonly expiresAt: Date;
}

/** Newest first, at most `limit`, after a position. */
export function listSessions(
  queries: Queries,
  userId: string,
  { now, limit, after }: { readonly now: Date; readonly limit: number; readonly after?: SessionPosition | undefined },
): Promise<ListedSession[]> {
  return queries.rows(list, { userId, now, limit, afterTime: after?.createdAt ?? null, afterId: after?.id ?? null });
}
