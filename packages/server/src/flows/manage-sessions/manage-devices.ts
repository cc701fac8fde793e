/** The caller's known devices: list and forget. A device that is forgotten stays signed in; its next login is that of a new one. */
import { recordFragment } from '#domain/audit/index.ts';
import { openClientInfo } from '#domain/sessions/index.ts';
import { Problem } from '#kernel/problem.ts';
import { statement, type Values } from '#platform/database/index.ts';
import type { Principal } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { ManageSessions } from './manage-sessions.ts';

/** Each login of a browser that keeps no cookies adds one. */
const maxListed = 100;

/** The browser is that of the device's newest session. Its row is deleted two weeks after it was used last. */
const list = statement('devices.list_of_user', {
  lane: 'pool',
  sql: `select d.id, d.created_at, d.last_used_at, d.expires_at, s.id as session_id, s.sealed_client_info,
      exists (select from sessions c where c.id = :sessionId and c.device_id = d.id) as is_current
    from devices d join users u on u.id = d.user_id
      left join lateral (select n.id, n.sealed_client_info from sessions n where n.device_id = d.id
        order by n.created_at desc, n.id desc limit 1) s on true
    where d.user_id = :userId and d.auth_epoch = u.auth_epoch and d.expires_at > :now
    order by d.last_used_at desc, d.id limit ${maxListed}`,
  params: { userId: 'uuid', sessionId: 'uuid', now: 'timestamptz' },
  columns: {
    id: 'uuid',
    createdAt: 'timestamptz',
    lastUsedAt: 'timestamptz',
    expiresAt: 'timestamptz',
    sessionId: 'uuid?',
    sealedClientInfo: 'bytea?',
    isCurrent: 'bool',
  },
});

const audited = recordFragment('forgotten');

const forget = statement('devices.forget', {
  lane: 'pool',
  sql: `with forgotten as (delete from devices where id = :deviceId and user_id = :userId returning id as device_id, user_id),
    ${audited.sql}
    select device_id from forgotten`,
  params: { deviceId: 'uuid', userId: 'uuid', ...audited.params },
  columns: { deviceId: 'uuid' },
});

/** The last login first. */
export async function listDevices(flow: ManageSessions, { userId, sessionId }: Principal) {
  const now = flow.clock.now();
  const [key, devices] = await Promise.all([
    flow.users.key(userId),
    flow.database.rows(list, { userId, sessionId, now }),
  ]);
  return devices.map((device) => describe(device, key));
}

function describe(row: Values<typeof list.columns>, key: UserKey | undefined) {
  const { id, isCurrent, sessionId, sealedClientInfo: sealed, createdAt, lastUsedAt, expiresAt } = row;
  const isKnown = key !== undefined && sealed !== null && sessionId !== null;
  const clientInfo = isKnown ? openClientInfo(key, sessionId, sealed) : undefined;
  const { browser, os, words } = describeUserAgent(clientInfo?.userAgent);
  return {
    id,
    current: isCurrent,
    device: { words, browser: browser ?? null, os: os ?? null },
    createdAt: createdAt.toISOString(),
    lastUsedAt: lastUsedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
}

/** Throws `device_not_found` for an unknown device, and for another user's. */
export async function forgetDevice(flow: ManageSessions, { userId }: Principal, deviceId: string): Promise<void> {
  const at = flow.clock.now();
  const event = { action: 'device.forgotten', at, actor: { kind: 'user', id: userId }, userId } as const;
  const row = await flow.database.row(forget, { deviceId, userId, ...flow.audit.values(event) });
  if (row === undefined) throw new Problem('device_not_found');
}
