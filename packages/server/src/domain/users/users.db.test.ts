import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { addSeconds } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases, effectsOf } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import { type UserStatus, Users } from './index.ts';

const state = statement('users_test.state', {
  lane: 'pool',
  sql: `select u.auth_epoch, u.status, u.disabled_at, u.updated_at,
      array(select e.epoch from revocations e where e.kind = 'user' and e.target = u.id::text order by e.epoch) as announced
    from users u where u.id = :id`,
  params: { id: 'uuid' },
  columns: {
    authEpoch: 'int4',
    status: 'text',
    disabledAt: 'timestamptz?',
    updatedAt: 'timestamptz',
    announced: 'int4[]',
  },
});
const deleteUser = statement('users_test.delete', {
  lane: 'pool',
  sql: `delete from users where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});

const absentId = '00000000-0000-7000-8000-000000000000';

describeOnBothDatabases('users', (database) => {
  let fixture: DomainFixture;
  let users: Users;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    users = new Users(fixture);
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    fixture.time.advance(1000);
  });

  const read = () => database().row(state, { id: user.id });
  const raise = () => database().transaction((tx) => users.raiseEpoch(tx, user.id));
  const change = (status: Exclude<UserStatus, 'pending_deletion'>, id = user.id) =>
    database().transaction((tx) => users.changeStatus(tx, id, status));

  describe('raising the epoch', () => {
    it('inserts a revocation, which is published after the commit, and returns the new epoch', async () => {
      const committed = await effectsOf(database(), async () => expect(await raise()).toBe(2));
      const revoked = [{ kind: 'user', target: user.id, epoch: 2 }];
      expect(committed).toEqual([{ revoked, enqueued: false }]);
      expect(await read()).toMatchObject({ authEpoch: 2, announced: [2], updatedAt: fixture.clock.now() });
    });

    it('gives each of twenty concurrent calls an epoch of its own', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, raise));
      const epochs = Array.from({ length: 20 }, (_, index) => index + 2);
      expect(answers.sort((a = 0, b = 0) => a - b)).toEqual(epochs);
      expect(await read()).toMatchObject({ authEpoch: 21, announced: epochs });
    });

    it('leaves neither epoch nor revocation behind when the effect fails', async () => {
      const failed = database().transaction(async (tx) => {
        await users.raiseEpoch(tx, user.id);
        throw new Error('the effect failed');
      });
      await expect(failed).rejects.toThrow('the effect failed');
      expect(await read()).toMatchObject({ authEpoch: 1, announced: [] });
    });

    it('returns nothing when there is no such user', async () => {
      expect(await database().transaction((tx) => users.raiseEpoch(tx, absentId))).toBeUndefined();
    });
  });

  describe('changing the status', () => {
    it('raises the epoch and inserts a revocation', async () => {
      expect(await change('disabled')).toBe(2);
      const disabledAt = fixture.clock.now();
      expect(await read()).toMatchObject({ status: 'disabled', disabledAt, authEpoch: 2, announced: [2] });
    });

    it('revokes again what was issued before the user was enabled', async () => {
      await change('disabled');
      expect(await change('active')).toBe(3);
      expect(await read()).toMatchObject({ status: 'active', disabledAt: null, announced: [2, 3] });
    });

    it('does nothing when the user has that status, for all concurrent calls', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => change('disabled')));
      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
      expect(await change('disabled')).toBeUndefined();
      expect(await read()).toMatchObject({ authEpoch: 2, announced: [2] });
    });

    it('returns nothing when there is no such user', async () => {
      expect(await change('disabled', absentId)).toBeUndefined();
    });
  });

  it('runs effects on one user one after the other', async () => {
    const seen = await Promise.all(
      Array.from({ length: 5 }, () =>
        database().transaction(async (tx) => {
          const locked = await users.lock(tx, user.id);
          await users.raiseEpoch(tx, user.id);
          return locked?.authEpoch;
        }),
      ),
    );
    expect(seen.sort((a = 0, b = 0) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(await database().transaction((tx) => users.lock(tx, absentId))).toBeUndefined();
  });

  it('returns the profile with the address as typed', async () => {
    expect(await users.profile(user.id)).toEqual({
      id: user.id,
      subject: user.id,
      status: 'active',
      name: 'Ada',
      locale: 'en',
      email: user.email,
      emailVerifiedAt: addSeconds(fixture.clock.now(), -1),
      publicMetadata: {},
      createdAt: addSeconds(fixture.clock.now(), -1),
    });
    expect(await users.profile(absentId)).toBeUndefined();
  });

  it('renames', async () => {
    await database().transaction((tx) => users.rename(tx, user.id, 'Grace', 'de'));
    expect(await users.profile(user.id)).toMatchObject({ name: 'Grace', locale: 'de' });
  });

  it('lists every user once, page by page', async () => {
    const added = [await addUser(fixture), await addUser(fixture), await addUser(fixture)];
    const listed: string[] = [];
    for (let after: { createdAt: Date; id: string } | undefined; ; ) {
      const page = await users.list(2, after);
      listed.push(...page.map(({ id }) => id));
      after = page.at(-1);
      if (page.length < 2) break;
    }
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.slice(-4)).toEqual([user, ...added].map(({ id }) => id));
  });

  describe("the user's key", () => {
    const place = { table: 't', column: 'c', row: 'r' };

    it('decrypts earlier values after it is read from the database', async () => {
      const sealed = user.key.seal('secret', place);
      expect((await users.key(user.id))?.open(sealed, place).toString()).toBe('secret');
    });

    it('is deleted with the user', async () => {
      await database().run(deleteUser, { id: user.id });
      expect(await users.key(user.id)).toBeUndefined();
    });
  });
});
