/** The user's active sessions, for the user. */
import { type Queries, statement } from '#platform/database/index.ts';
import { sessionIsActive } from './session.ts';

const list = statement('sessions.list_live', {
  lane: 'pool',
  sql: `select s.id, s.client_id, s.transport, s.amr, s.auth_time, s.sealed_client_info, s.created_at, s.last_seen_at,
      s.idle_expires_at, s.expires_at
    from sessions s join users u on u.id = s.user_id
    where s.user_id = :userId and ${sessionIsActive}
    order by s.created_at desc, s.id desc limit 100`,
  params: { userId: 'uuid', now: 'timestamptz' },
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

/** Newest first; a user has at most a hundred. */
export async function listSessions(queries: Queries, userId: string, now: Date): Promise<ListedSession[]> {
  return queries.rows(list, { userId, now });
}
