/** The session's row: how it is inserted, and how an active one is found. */

import { roleNameSql } from '#domain/roles/index.ts';
import { isActive } from '#domain/users/index.ts';
import type { ClientInfo } from '#kernel/requester.ts';
import { type Fragment, statement } from '#platform/database/index.ts';
import type { AssociatedData, UserKey } from '#platform/keys/index.ts';

/** Authenticated with the encrypted client information, so that it cannot be moved to another row. */
function sessionAssociatedData(sessionId: string): AssociatedData {
  return { table: 'sessions', column: 'sealed_client_info', row: sessionId };
}

/** Encrypts the client information of a session under its user's key. */
export function sealClientInfo(key: UserKey, sessionId: string, clientInfo: ClientInfo): Buffer {
  return key.seal(JSON.stringify(clientInfo), sessionAssociatedData(sessionId));
}

/** Decrypts the result of `sealClientInfo`. */
export function openClientInfo(key: UserKey, sessionId: string, sealed: Uint8Array): ClientInfo {
  return JSON.parse(key.open(sealed, sessionAssociatedData(sessionId)).toString('utf8')) as ClientInfo;
}

const params = {
  sessionId: 'uuid',
  sessionClientId: 'text',
  sessionDeviceId: 'uuid',
  sessionEpoch: 'int4',
  sessionTransport: 'text',
  sessionTokenHash: 'bytea?',
  sessionAmr: 'text[]',
  sessionAcr: 'text',
  sessionAuthTime: 'timestamptz',
  sessionFactorTimes: 'jsonb',
  sessionSealedClientInfo: 'bytea',
  sessionCreatedAt: 'timestamptz',
  sessionIdleExpiresAt: 'timestamptz',
  sessionExpiresAt: 'timestamptz',
} as const;

/** The CTE `created_session`: a session of the `user_id` in the CTE `from`. */
export function insertSessionFragment(from: string): Fragment<typeof params> {
  return {
    sql: `created_session as (
      insert into sessions (id, user_id, client_id, device_id, auth_epoch, transport, token_hash, amr, acr, auth_time,
        factor_times, sealed_client_info, created_at, last_seen_at, idle_expires_at, expires_at)
      select :sessionId, user_id, :sessionClientId, :sessionDeviceId, :sessionEpoch, :sessionTransport,
        :sessionTokenHash::bytea, :sessionAmr::text[], :sessionAcr, :sessionAuthTime, :sessionFactorTimes::jsonb,
        :sessionSealedClientInfo, :sessionCreatedAt, :sessionCreatedAt, :sessionIdleExpiresAt, :sessionExpiresAt
      from ${from}
      returning id as session_id, user_id)`,
    params,
  };
}

/** SQL: whether session `s` of user `u` is active at `:now`. */
export const sessionIsActive = `s.ended_at is null and s.expires_at > :now and s.idle_expires_at > :now
  and s.auth_epoch = u.auth_epoch and ${isActive('u')}`;

/** A session that was active when it was read. */
export interface ActiveSession {
  readonly id: string;
  readonly userId: string;
  readonly subject: string;
  /** The primary address, as typed. */
  readonly email: string | null;
  readonly name: string;
  readonly roles: readonly string[];
  readonly clientId: string;
  readonly authEpoch: number;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  readonly idleExpiresAt: Date;
  readonly expiresAt: Date;
}

const columns = {
  id: 'uuid',
  userId: 'uuid',
  subject: 'text',
  email: 'text?',
  name: 'text',
  roles: 'text[]',
  clientId: 'text',
  authEpoch: 'int4',
  acr: 'text',
  amr: 'text[]',
  authTime: 'timestamptz',
  idleExpiresAt: 'timestamptz',
  expiresAt: 'timestamptz',
} as const;

const select = `select s.id, s.user_id, u.subject, i.as_typed as email, u.name, array(
      select distinct ${roleNameSql('r.role')} as role from role_assignments r
      where r.user_id = u.id and r.scope_kind = 'deployment' order by role) as roles,
    s.client_id, s.auth_epoch, s.acr, s.amr, s.auth_time, s.idle_expires_at, s.expires_at
  from sessions s join users u on u.id = s.user_id
    left join identifiers i on i.user_id = u.id and i.kind = 'email' and i.is_primary`;

export const findById = statement('sessions.find_live', {
  lane: 'read',
  sql: `${select} where s.id = :id and ${sessionIsActive}`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns,
});

export const findByTokenHash = statement('sessions.find_live_by_token', {
  lane: 'read',
  sql: `${select} where s.token_hash = :tokenHash and s.transport = 'cookie' and ${sessionIsActive}`,
  params: { tokenHash: 'bytea', now: 'timestamptz' },
  columns,
});
