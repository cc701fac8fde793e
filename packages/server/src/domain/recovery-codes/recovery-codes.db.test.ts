import { beforeAll, beforeEach, expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { openKeys, spreadSeconds } from '#platform/keys/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import {
  countRecoveryCodes,
  deleteRecoveryCodes,
  makeRecoveryCodes,
  recoveryCodeHashes,
  useRecoveryCode,
} from './index.ts';

const stored = statement('recovery_codes_test.stored', {
  lane: 'pool',
  sql: `select string_agg(row_to_json(r)::text, ' ') as everything from recovery_codes r where r.user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { everything: 'text?' },
});

describeOnBothDatabases('recovery codes', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const now = () => fixture.clock.now();
  const make = (of = user) => database().transaction((tx) => makeRecoveryCodes(tx, fixture, of.id, now()));
  const count = () => countRecoveryCodes(database(), user.id);

  function use(
    code: string,
    of = user,
    keys: Pick<DomainFixture['keys'], 'mac' | 'keyIds' | 'currentKeyId'> = fixture.keys,
  ) {
    const hashes = recoveryCodeHashes(keys, of.id, code) ?? [];
    return database().transaction((tx) => useRecoveryCode(tx, { userId: of.id, hashes }, now()));
  }

  it('are ten, each of which works once', async () => {
    const codes = await make();
    expect(new Set(codes).size).toBe(10);
    expect(await count()).toEqual({ unused: 10, createdAt: now() });
    for (const [index, code] of codes.entries()) {
      expect([await use(code), await use(code)]).toEqual([true, false]);
      expect((await count())?.unused).toBe(9 - index);
    }
  });

  it('are stored as HMACs', async () => {
    const codes = await make();
    const everything = (await database().row(stored, { userId: user.id }))?.everything ?? '';
    for (const code of codes) {
      for (const form of [code, code.replaceAll('-', '')]) {
        expect(everything).not.toContain(form);
        expect(everything).not.toContain(Buffer.from(form).toString('hex'));
      }
    }
  });

  it('work once of twenty times at once', async () => {
    const [code = ''] = await make();
    const results = await Promise.all(Array.from({ length: 20 }, () => use(code)));
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  it('work again when the effect of the use was rolled back', async () => {
    const [code = ''] = await make();
    const hashes = recoveryCodeHashes(fixture.keys, user.id, code) ?? [];
    const failed = database().transaction(async (tx) => {
      await useRecoveryCode(tx, { userId: user.id, hashes }, now());
      throw new Error('the effect failed');
    });
    await expect(failed).rejects.toThrow('the effect failed');
    expect(await use(code)).toBe(true);
  });

  it('work for their own user only, also when the hash is presented', async () => {
    const other = await addUser(fixture);
    const [code = ''] = await make();
    const hashes = recoveryCodeHashes(fixture.keys, user.id, code) ?? [];
    const presented = database().transaction((tx) => useRecoveryCode(tx, { userId: other.id, hashes }, now()));
    expect([await use(code, other), await presented]).toEqual([false, false]);
    expect(await use(code)).toBe(true);
  });

  it('replace the earlier ones, of this user only', async () => {
    const other = await addUser(fixture);
    const [theirs = ''] = await make(other);
    const [old = ''] = await make();
    const [fresh = ''] = await make();
    expect(await count()).toMatchObject({ unused: 10 });
    expect([await use(old), await use(fresh), await use(theirs, other)]).toEqual([false, true, true]);
  });

  it('work after the key was rotated', async () => {
    const [code = '', second = ''] = await make();
    const rotating = await openKeys(fixture);
    await rotating.rotateDataKey('recovery');
    fixture.time.advance(2 * spreadSeconds * 1000);
    const keys = await openKeys(fixture);
    expect(recoveryCodeHashes(keys, user.id, code)).toHaveLength(2);
    expect(await use(code, user, keys)).toBe(true);
    expect(await use(second, user, keys)).toBe(true);
  });

  it('are gone once they are deleted, and undefined for a user who never had one', async () => {
    expect(await count()).toBeUndefined();
    const [code = ''] = await make();
    await database().transaction((tx) => deleteRecoveryCodes(tx, user.id));
    expect([await use(code), await count()]).toEqual([false, undefined]);
  });

  it('have no hash for a text that is no code', () => {
    expect(recoveryCodeHashes(fixture.keys, user.id, '123456')).toBeNull();
  });
});
