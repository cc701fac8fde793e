import { createSecretKey, randomBytes } from 'node:crypto';
import { beforeEach, expect, it } from 'vitest';
import { AssertionFailed } from '#kernel/assert.ts';
import { FixedClock } from '#kernel/clock.ts';
import { idMaker } from '#kernel/ids.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { type KeyRing, KeysUnusable, keyPurposes, localKek, openKeys, type Reload, spreadSeconds } from './index.ts';

const clear = statement('test_data_keys.clear', {
  lane: 'pool',
  sql: 'delete from data_keys',
  params: {},
  columns: {},
});

const swapPurposes = statement('test_data_keys.swap', {
  lane: 'pool',
  sql: `update data_keys set purpose = case purpose when 'cursor' then 'device' else 'cursor' end, period = 'x'
        where purpose in ('cursor', 'device')`,
  params: {},
  columns: {},
});

const kek = localKek(createSecretKey(randomBytes(32)));
const associatedData = { table: 'passwords', column: 'phc', row: '1' };
const userId = '0190f0a0-1111-7222-8333-444455556666';

describeOnBothDatabases('keys', (database: () => Database) => {
  let clock = new FixedClock(new Date('2026-01-15T12:00:00Z'));
  let reloads: Reload[] = [];

  function openRing(overrides: Partial<Parameters<typeof openKeys>[0]> = {}): Promise<KeyRing> {
    const onReload = (reload: Reload) => reloads.push(reload);
    return openKeys({ database: database(), kek, clock, makeId: idMaker(clock), onReload, ...overrides });
  }

  beforeEach(async () => {
    clock = new FixedClock(new Date('2026-01-15T12:00:00Z'));
    reloads = [];
    await database().run(clear, {});
  });

  it('are the same on nodes that start concurrently on an empty database', async () => {
    const rings = await Promise.all(Array.from({ length: 8 }, () => openRing()));
    for (const purpose of keyPurposes) {
      expect(new Set(rings.map((ring) => ring.currentKeyId(purpose))).size).toBe(1);
    }
    const sealed = rings[0]!.seal('password', 'phc', associatedData);
    for (const ring of rings) {
      expect(ring.open('password', sealed, associatedData).toString()).toBe('phc');
      expect(ring.mac('link', 'a')).toEqual(rings[0]!.mac('link', 'a'));
    }
  });

  it('are the same after a restart', async () => {
    const sealed = (await openRing()).seal('password', 'phc', associatedData);
    expect((await openRing()).open('password', sealed, associatedData).toString()).toBe('phc');
  });

  it('cannot be opened with another KEK', async () => {
    await openRing();
    const opening = openRing({ kek: localKek(createSecretKey(randomBytes(32))) });
    await expect(opening).rejects.toThrow(KeysUnusable);
    await expect(opening).rejects.toThrow(/^The key-encryption key does not fit this database/);
  });

  it('cannot be opened after the purpose of a row was changed', async () => {
    await openRing();
    await database().run(swapPurposes, {});
    await expect(openRing()).rejects.toThrow(KeysUnusable);
  });

  it('are limited to one purpose and one algorithm each', async () => {
    const ring = await openRing();
    expect(() => ring.seal('link', 'a', associatedData)).toThrow(AssertionFailed);
    expect(() => ring.mac('password', 'a')).toThrow(AssertionFailed);
    expect(() => ring.mac('link', 'a', ring.currentKeyId('device'))).toThrow(AssertionFailed);
    const sealed = ring.seal('password', 'a', associatedData);
    expect(() => ring.open('signing_key', sealed, associatedData)).toThrow(AssertionFailed);
    expect(ring.knows('link', ring.currentKeyId('link'))).toBe(true);
    expect(ring.knows('device', ring.currentKeyId('link'))).toBe(false);
  });

  it('are used after a rotation when all nodes have read them, and the previous ones still decrypt', async () => {
    const [one, two] = await Promise.all([openRing(), openRing()]);
    const before = one.currentKeyId('password');
    const sealed = one.seal('password', 'old', associatedData);
    clock.advance(spreadSeconds * 1000);
    expect(await one.rotateDataKey('password')).toBe('rotated');
    expect(one.currentKeyId('password')).toBe(before);
    clock.advance((spreadSeconds * 1000) / 2);
    await two.refresh();
    clock.advance((spreadSeconds * 1000) / 2);
    const after = one.currentKeyId('password');
    expect(after).not.toBe(before);
    expect(two.currentKeyId('password')).toBe(after);
    expect(two.open('password', one.seal('password', 'new', associatedData), associatedData).toString()).toBe('new');
    expect(two.open('password', sealed, associatedData).toString()).toBe('old');
    expect(two.currentKeyId('link')).toBe(one.currentKeyId('link'));
  });

  it('have one current key after concurrent rotations on several nodes', async () => {
    const rings = await Promise.all(Array.from({ length: 5 }, () => openRing()));
    clock.advance(spreadSeconds * 1000);
    const outcomes = await Promise.all(rings.map((ring) => ring.rotateDataKey('rotation')));
    expect(outcomes).toContain('rotated');
    clock.advance(spreadSeconds * 1000);
    await Promise.all(rings.map((ring) => ring.refresh()));
    expect(new Set(rings.map((ring) => ring.currentKeyId('rotation'))).size).toBe(1);
  });

  it('remain in use after two rotations within spreadSeconds', async () => {
    const ring = await openRing();
    const first = ring.currentKeyId('device');
    clock.advance(spreadSeconds * 1000);
    await ring.rotateDataKey('device');
    clock.advance(1000);
    await ring.rotateDataKey('device');
    expect(ring.currentKeyId('device')).toBe(first);
  });

  it('of another node are loaded when a ciphertext names them, at most once a second', async () => {
    const [one, two] = await Promise.all([openRing(), openRing()]);
    clock.advance(spreadSeconds * 1000);
    await one.rotateDataKey('password');
    clock.advance(spreadSeconds * 1000);
    const sealed = one.seal('password', 'new', associatedData);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(() => two.open('password', sealed, associatedData)).toThrow(AssertionFailed);
    }
    await expect.poll(() => reloads).toEqual([{ kind: 'reloaded' }]);
    expect(two.open('password', sealed, associatedData).toString()).toBe('new');
  });

  it('for the purpose "month" change each month and are generated ahead', async () => {
    const ring = await openRing();
    const january = ring.seal('month', 'a', associatedData);
    const januaryKey = ring.currentKeyId('month');
    clock.advance(20 * 86_400_000);
    expect(ring.currentKeyId('month')).not.toBe(januaryKey);
    await ring.refresh();
    clock.advance(28 * 86_400_000);
    expect(ring.seal('month', 'a', associatedData).length).toBeGreaterThan(0);
    expect(ring.open('month', january, associatedData).toString()).toBe('a');
  });

  it('for the purpose "month" exist even when the clock jumps over months', async () => {
    const ring = await openRing();
    clock.advance(200 * 86_400_000);
    const sealed = ring.seal('month', 'a', associatedData);
    const before = ring.currentKeyId('month');
    await expect.poll(() => reloads).toEqual([{ kind: 'reloaded' }]);
    expect(ring.currentKeyId('month')).not.toBe(before);
    expect(ring.open('month', sealed, associatedData).toString()).toBe('a');
  });

  it('of a user decrypt on every node, and decrypt nothing of another user', async () => {
    const [one, two] = await Promise.all([openRing(), openRing()]);
    const { key, wrapped } = one.createUserKey(userId);
    const sealed = key.seal('address', associatedData);
    expect(two.unwrapUserKey(userId, wrapped).open(sealed, associatedData).toString()).toBe('address');
    const otherId = idMaker(clock)();
    expect(() => two.unwrapUserKey(otherId, wrapped)).toThrow(AssertionFailed);
    const other = two.createUserKey(otherId);
    expect(() => other.key.open(sealed, associatedData)).toThrow(AssertionFailed);
  });

  it('of a user are cached after unwrapping, until forgotten or replaced', async () => {
    const ring = await openRing();
    const { wrapped } = ring.createUserKey(userId);
    const cached = ring.unwrapUserKey(userId, wrapped);
    expect(ring.unwrapUserKey(userId, wrapped)).toBe(cached);
    ring.forgetUserKey(userId);
    expect(ring.unwrapUserKey(userId, wrapped)).not.toBe(cached);
    const replacement = ring.createUserKey(userId);
    const sealed = replacement.key.seal('a', associatedData);
    expect(ring.unwrapUserKey(userId, replacement.wrapped).open(sealed, associatedData).toString()).toBe('a');
  });
});
