import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addSeconds } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { openKeys, spreadSeconds } from '#platform/keys/index.ts';
import { formatSecret, parseSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { DeviceTokens, deleteExpiredDevices, deviceExpiry, useDeviceFragment } from './index.ts';

const used = useDeviceFragment('owner');
const use = statement('devices_test.use', {
  lane: 'pool',
  sql: `with owner as (select id as user_id from users where id = :ownerId), ${used.sql} select id from used_device`,
  params: { ownerId: 'uuid', ...used.params },
  columns: { id: 'uuid' },
});
const find = statement('devices_test.find', {
  lane: 'pool',
  sql: `select user_id, auth_epoch, created_at, last_used_at, expires_at from devices where id = :id`,
  params: { id: 'uuid' },
  columns: {
    userId: 'uuid',
    authEpoch: 'int4',
    createdAt: 'timestamptz',
    lastUsedAt: 'timestamptz',
    expiresAt: 'timestamptz',
  },
});

describeOnBothDatabases('known devices', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const read = (id: string) => database().row(find, { id });

  function logInFrom(deviceId: string) {
    const now = fixture.clock.now();
    const device = { deviceId, deviceEpoch: 1, deviceUsedAt: now, deviceExpiresAt: deviceExpiry(now) };
    return database().run(use, { ownerId: user.id, ...device });
  }

  it('expire 180 days after their last login', async () => {
    const id = fixture.makeId();
    const createdAt = fixture.clock.now();
    await logInFrom(id);
    fixture.time.advance(1000);
    await logInFrom(id);
    const now = fixture.clock.now();
    const expiresAt = addSeconds(now, 180 * 24 * 3600);
    expect(await read(id)).toEqual({ userId: user.id, authEpoch: 1, createdAt, lastUsedAt: now, expiresAt });
    await deleteExpiredDevices(database(), expiresAt);
    expect(await read(id)).toBeDefined();
    await deleteExpiredDevices(database(), addSeconds(expiresAt, 1));
    expect(await read(id)).toBeUndefined();
  });

  describe('the token', () => {
    const id = '01890a5d-ac96-774b-bcce-b302099a8057';
    let tokens: DeviceTokens;

    beforeEach(() => {
      tokens = new DeviceTokens(fixture.keys);
    });

    it('contains the id of the device and is deterministic', () => {
      expect(tokens.read(tokens.sign(id))).toBe(id);
      expect(tokens.sign(id)).toBe(tokens.sign(id));
    });

    it('is rejected when any bit is changed', () => {
      const secret = parseSecret(secretPrefixes.knownDevice, tokens.sign(id)) ?? new Uint8Array();
      for (let bit = 0; bit < 256; bit += 1) {
        const forged = Uint8Array.from(secret);
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(tokens.read(formatSecret(secretPrefixes.knownDevice, forged))).toBeUndefined();
      }
    });

    it('is rejected when it is truncated or extended', () => {
      const token = tokens.sign(id);
      for (const text of [undefined, '', token.slice(0, -1), `${token}x`, token.slice(6)]) {
        expect(tokens.read(text)).toBeUndefined();
      }
    });

    it('is rejected when its bytes carry the prefix of another kind of secret', () => {
      const secret = parseSecret(secretPrefixes.knownDevice, tokens.sign(id)) ?? new Uint8Array();
      expect(tokens.read(formatSecret(secretPrefixes.session, secret))).toBeUndefined();
    });

    it('is rejected after a rotation of the key', async () => {
      const token = tokens.sign(id);
      const keys = await openKeys(fixture);
      await keys.rotateDataKey('device');
      fixture.time.advance(2 * spreadSeconds * 1000);
      expect(new DeviceTokens(keys).read(token)).toBeUndefined();
    });
  });
});
