/** Renews a session after a change that revokes all others. */

import { useDeviceFragment } from '#domain/devices/index.ts';
import { insertFamilyFragment } from '#domain/refresh-tokens/index.ts';
import { insertSessionFragment, sessionIsActive } from '#domain/sessions/index.ts';
import type { Requester } from '#kernel/requester.ts';
import { type JsonValue, type Queries, statement, type Values } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { type IssuedSession, type Issuers, issueSession } from './issue.ts';

const find = statement('session_issuance.find_acting', {
  lane: 'pool',
  sql: `select s.id, s.user_id, u.subject, s.client_id, s.device_id, s.transport, s.acr, s.amr, s.auth_time, s.factor_times,
      s.expires_at
    from sessions s join users u on u.id = s.user_id
    where s.id = :id and s.user_id = :userId and ${sessionIsActive}`,
  params: { id: 'uuid', userId: 'uuid', now: 'timestamptz' },
  columns: {
    id: 'uuid',
    userId: 'uuid',
    subject: 'text',
    clientId: 'text',
    deviceId: 'uuid?',
    transport: 'text',
    acr: 'text',
    amr: 'text[]',
    authTime: 'timestamptz',
    factorTimes: 'jsonb',
    expiresAt: 'timestamptz',
  },
});

const device = useDeviceFragment('holder');
const session = insertSessionFragment('holder');
const family = insertFamilyFragment('created_session');

const insert = statement('session_issuance.renew', {
  lane: 'pool',
  sql: `with holder as (select id as user_id from users where id = :userId),
    ${device.sql}, ${session.sql}, ${family.sql}
    select session_id from created_session`,
  params: { userId: 'uuid', ...device.params, ...session.params, ...family.params },
  columns: { sessionId: 'uuid' },
});

/** The session that performs a change, as stored before the change. */
export type ActingSession = Values<typeof find.columns>;

/**
 * Finds the session that performs a change, if it is active. Call it under the user's lock and before the epoch is raised:
 * of two concurrent changes by one session the second one then finds it revoked.
 */
export async function findActing(
  tx: Queries,
  acting: { readonly userId: string; readonly sessionId: string },
  now: Date,
): Promise<ActingSession | undefined> {
  return tx.row(find, { id: acting.sessionId, userId: acting.userId, now });
}

/** How the user of a renewed session was authenticated; the gate computes it. */
export interface RenewedContext {
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  readonly factorTimes: JsonValue;
}

/** The epoch that the change began, and its requester. */
export interface Renewal {
  /** Undefined: that of the acting session. */
  readonly context?: RenewedContext | undefined;
  readonly authEpoch: number;
  readonly requester: Requester;
  readonly userKey: UserKey;
  readonly now: Date;
}

/**
 * Inserts a session that continues the acting one, in the transaction of the change and after the epoch was raised. Its
 * transport is that of the acting session, also when that was presented by an access token.
 */
export async function renewSession(
  issuers: Issuers,
  tx: Queries,
  acting: ActingSession,
  { context, ...renewal }: Renewal,
): Promise<IssuedSession> {
  const { issued, values } = await issueSession(issuers, {
    ...acting,
    ...context,
    ...renewal,
    transport: acting.transport === 'cookie' ? 'cookie' : 'token',
    deviceId: acting.deviceId ?? undefined,
  });
  await tx.row(insert, { userId: acting.userId, ...values });
  return issued;
}
