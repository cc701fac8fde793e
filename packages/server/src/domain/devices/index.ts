/**
 * Known devices: browsers and applications that have logged in before. Owns `devices`.
 * Invariants: a device's token is signed and names its row; the row carries the epoch it was made in and dies with it;
 * a known device lives 180 days after its last login.
 */
import { timingSafeEqual } from 'node:crypto';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Fragment, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { formatSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

const lifetimeSeconds = 180 * 24 * 60 * 60;
const idBytes = 16;
const signatureBytes = 16;

const params = {
  deviceId: 'uuid',
  deviceEpoch: 'int4',
  deviceUsedAt: 'timestamptz',
  deviceExpiresAt: 'timestamptz',
} as const;

/**
 * The CTE `used_device`: makes the device of the CTE `from`'s `user_id`, or keeps it for another 180 days and carries it
 * over into `deviceEpoch`, for the session that goes on after its own change; never back into an earlier epoch.
 */
export function useDeviceFragment(from: string): Fragment<typeof params> {
  return {
    sql: `used_device as (
      insert into devices (id, user_id, auth_epoch, created_at, last_used_at, expires_at)
      select :deviceId, user_id, :deviceEpoch, :deviceUsedAt, :deviceUsedAt, :deviceExpiresAt from ${from}
      on conflict (id) do update set last_used_at = excluded.last_used_at, expires_at = excluded.expires_at,
        auth_epoch = greatest(devices.auth_epoch, excluded.auth_epoch)
      returning id)`,
    params,
  };
}

const deleteExpired = statement('devices.delete_expired', {
  lane: 'pool',
  sql: `delete from devices where id in (
    select id from devices where expires_at < :now order by expires_at limit 10000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** When a device that logs in now is forgotten if it never does again. */
export function deviceExpiry(now: Date): Date {
  return addSeconds(now, lifetimeSeconds);
}

/** Signs and reads the tokens of known devices. */
export class DeviceTokens {
  readonly #keys: Keys;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** The token of a device: its id and half an HMAC-SHA-256 (RFC 2104 §5 allows that), 128 bits. */
  sign(deviceId: string): string {
    const id = Buffer.from(deviceId.replaceAll('-', ''), 'hex');
    return formatSecret(secretPrefixes.knownDevice, Buffer.concat([id, this.#signature(id)]));
  }

  /** The device's id if the token is ours; that the row still lives is the database's to say. */
  read(token: string | undefined): string | undefined {
    const secret = token === undefined ? null : parseSecret(secretPrefixes.knownDevice, token);
    if (secret === null) return undefined;
    const id = Buffer.from(secret.subarray(0, idBytes));
    if (!timingSafeEqual(secret.subarray(idBytes), this.#signature(id))) return undefined;
    return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  // The current key only: after its rotation devices are new again, which costs their users one notice.
  #signature(id: Buffer): Buffer {
    return this.#keys.mac('device', id).subarray(0, signatureBytes);
  }
}

/** Deletes devices that were not used for 180 days; a sweeping job calls it. Answers how many went. */
export async function deleteExpiredDevices(database: Database, now: Date): Promise<number> {
  return database.run(deleteExpired, { now });
}
