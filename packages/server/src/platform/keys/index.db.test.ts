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
const place = { table: 'passwords', column: 'phc', row: '1' };
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

  it('agree between nodes that start at once on an empty database', async () => {
    const rings = await Promise.all(Array.from({ length: 8 }, () => openRing()));
    for (const purpose of keyPurposes) {
      expect(new Set(rings.map((ring) => ring.currentKeyId(purpose))).size).toBe(1);
    }
    const sealed = rings[0]!.seal('password', 'phc', place);
    for (const ring of rings) {
      expect(ring.open('password', sealed, place).toString()).toBe('phc');
      expect(ring.mac('link', 'a')).toEqual(rings[0]!.mac('link', 'a'));
    }
  });

  it('are the same after a restart', async () => {
    const sealed = (await openRing()).seal('password', 'phc', place);
    expect((await openRing()).open('password', sealed, place).toString()).toBe('phc');
  });

  it('do not open with another key-encryption key, in one sentence', async () => {
    await openRing();
    const opening = openRing({ kek: localKek(createSecretKey(randomBytes(32))) });
    await expect(opening).rejects.toThrow(KeysUnusable);
    await expect(opening).rejects.toThrow(/^the key-encryption key does not open this database's keys/);
  });

  it('do not open when somebody gave a key another purpose', async () => {
    await openRing();
    await database().run(swapPurposes, {});
    await expect(openRing()).rejects.toThrow(KeysUnusable);
  });

  it('serve one purpose and one algorithm each', async () => {
    const ring = await openRing();
    expect(() => ring.seal('link', 'a', place)).toThrow(AssertionFailed);
    expect(() => ring.mac('password', 'a')).toThrow(AssertionFailed);
    expect(() => ring.mac('link', 'a', ring.currentKeyId('device'))).toThrow(AssertionFailed);
    const sealed = ring.seal('password', 'a', place);
    expect(() => ring.open('signing_key', sealed, place)).toThrow(AssertionFailed);
    expect(ring.knows('link', ring.currentKeyId('link'))).toBe(true);
    expect(ring.knows('device', ring.currentKeyId('link'))).toBe(false);
  });

  it('after a rotation are used when all nodes can know them, and the old ones still read', async () => {
    const [one, two] = await Promise.all([openRing(), openRing()]);
    const before = one.currentKeyId('password');
    const sealed = one.seal('password', 'old', place);
    clock.advance(spreadSeconds * 1000);
    expect(await one.rotateDataKey('password')).toBe('rotated');
    expect(one.currentKeyId('password')).toBe(before);
    clock.advance((spreadSeconds * 1000) / 2);
    await two.refresh();
    clock.advance((spreadSeconds * 1000) / 2);
    const after = one.currentKeyId('password');
    expect(after).not.toBe(before);
    expect(two.currentKeyId('password')).toBe(after);
    expect(two.open('password', one.seal('password', 'new', place), place).toString()).toBe('new');
    expect(two.open('password', sealed, place).toString()).toBe('old');
    expect(two.currentKeyId('link')).toBe(one.currentKeyId('link'));
  });

  it('rotated at once by many nodes end with one current key', async () => {
    const rings = await Promise.all(Array.from({ length: 5 }, () => openRing()));
    clock.advance(spreadSeconds * 1000);
    const outcomes = await Promise.all(rings.map((ring) => ring.rotateDataKey('rotation')));
    expect(outcomes).toContain('rotated');
    clock.advance(spreadSeconds * 1000);
    await Promise.all(rings.map((ring) => ring.refresh()));
    expect(new Set(rings.map((ring) => ring.currentKeyId('rotation'))).size).toBe(1);
  });

  it('rotated twice within the rest keep using what all nodes can know', async () => {
    const ring = await openRing();
    const first = ring.currentKeyId('device');
    clock.advance(spreadSeconds * 1000);
    await ring.rotateDataKey('device');
    clock.advance(1000);
    await ring.rotateDataKey('device');
    expect(ring.currentKeyId('device')).toBe(first);
  });

  it('that another node made are read when a ciphertext names them, once a second at most', async () => {
    const [one, two] = await Promise.all([openRing(), openRing()]);
    clock.advance(spreadSeconds * 1000);
    await one.rotateDataKey('password');
    clock.advance(spreadSeconds * 1000);
    const sealed = one.seal('password', 'new', place);
    for (let attempt = 0; attempt < 3; attempt += 1) {
      expect(() => two.open('password', sealed, place)).toThrow(AssertionFailed);
    }
    await expect.poll(() => reloads).toEqual([{ kind: 'reloaded' }]);
    expect(two.open('password', sealed, place).toString()).toBe('new');
  });

  it('of nobody are different each month, and made ahead', async () => {
    const ring = await openRing();
    const january = ring.seal('nobody', 'a', place);
    const januaryKey = ring.currentKeyId('nobody');
    clock.advance(20 * 86_400_000);
    expect(ring.currentKeyId('nobody')).not.toBe(januaryKey);
    await ring.refresh();
    clock.advance(28 * 86_400_000);
    expect(ring.seal('nobody', 'a', place).length).toBeGreaterThan(0);
    expect(ring.open('nobody', january, place).toString()).toBe('a');
  });

  it('of nobody are there even when the clock jumps over months', async () => {
    const ring = await openRing();
    clock.advance(200 * 86_400_000);
    const sealed = ring.seal('nobody', 'a', place);
    const before = ring.currentKeyId('nobody');
    await expect.poll(() => reloads).toEqual([{ kind: 'reloaded' }]);
    expect(ring.currentKeyId('nobody')).not.toBe(before);
    expect(ring.open('nobody', sealed, place).toString()).toBe('a');
  });

  it('of a user open what they sealed, on every node, and nothing of another user', async () => {
    const [one, two] = await Promise.all([openRing(), openRing()]);
    const { key, wrapped } = one.createUserKey(userId);
    const sealed = key.seal('address', place);
    expect(two.unwrapUserKey(userId, wrapped).open(sealed, place).toString()).toBe('address');
    const otherId = idMaker(clock)();
    expect(() => two.unwrapUserKey(otherId, wrapped)).toThrow(AssertionFailed);
    const other = two.createUserKey(otherId);
    expect(() => other.key.open(sealed, place)).toThrow(AssertionFailed);
  });

  it('of a user are unwrapped once while they are kept, and again when forgotten or wrapped anew', async () => {
    const ring = await openRing();
    const { wrapped } = ring.createUserKey(userId);
    const kept = ring.unwrapUserKey(userId, wrapped);
    expect(ring.unwrapUserKey(userId, wrapped)).toBe(kept);
    ring.forgetUserKey(userId);
    expect(ring.unwrapUserKey(userId, wrapped)).not.toBe(kept);
    const anew = ring.createUserKey(userId);
    const sealed = anew.key.seal('a', place);
    expect(ring.unwrapUserKey(userId, anew.wrapped).open(sealed, place).toString()).toBe('a');
  });
});
