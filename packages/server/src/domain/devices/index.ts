/**
 * Known devices: browsers and applications that a user has logged in from. Owns `devices`; no routes.
 *
 * Invariants:
 * - A device token is signed and contains the id of its row.
 * - A device carries the epoch in which it was last used, and is unknown in every later epoch of its user (invariant 4).
 * - A device expires 180 days after its last login.
 *
 * A known device must not count as a factor. It only decides which attempt counter a login uses and whether the user gets
 * a notice of a new device.
 */
import { timingSafeEqual } from 'node:crypto';
import { type Batch, wholeBatch } from '#kernel/batches.ts';
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
 * The CTE `used_device`: inserts the device for the `user_id` of the CTE `from`, or extends it by 180 days and raises its
 * epoch to `:deviceEpoch`. The epoch is raised because the session that caused a change of epoch continues on this device.
 * It is never lowered.
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
    select id from devices where expires_at < :now order by expires_at limit :limit offset :skip)`,
  params: { now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** The expiry of a device that logs in now. */
export function deviceExpiry(now: Date): Date {
  return addSeconds(now, lifetimeSeconds);
}

/** Signs and reads the tokens of known devices. */
export class DeviceTokens {
  readonly #keys: Keys;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  /** Returns the token of a device: its id and an HMAC-SHA-256 truncated to 128 bits (RFC 2104 §5). */
  sign(deviceId: string): string {
    const id = Buffer.from(deviceId.replaceAll('-', ''), 'hex');
    return formatSecret(secretPrefixes.knownDevice, Buffer.concat([id, this.#signature(id)]));
  }

  /** Returns the device's id if the signature is valid. The row may be expired, or of an earlier epoch. */
  read(token: string | undefined): string | undefined {
    const secret = token === undefined ? null : parseSecret(secretPrefixes.knownDevice, token);
    if (secret === null) return undefined;
    const id = Buffer.from(secret.subarray(0, idBytes));
    if (!timingSafeEqual(secret.subarray(idBytes), this.#signature(id))) return undefined;
    return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  // Only the current key is accepted: after its rotation every device is new, and its user gets one more notice.
  #signature(id: Buffer): Buffer {
    return this.#keys.mac('device', id).subarray(0, signatureBytes);
  }
}

/** Deletes expired devices. Returns the number of deleted devices. */
export async function deleteExpiredDevices(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteExpired, { now, ...batch });
}
