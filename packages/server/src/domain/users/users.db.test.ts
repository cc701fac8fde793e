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

const nobody = '00000000-0000-7000-8000-000000000000';

describeOnBothDatabases('users', (database) => {
  let world: DomainFixture;
  let users: Users;
  let person: TestUser;

  beforeAll(async () => {
    world = await openDomainFixture(database());
    users = new Users(world);
  });

  beforeEach(async () => {
    person = await addUser(world);
    world.time.advance(1000);
  });

  const read = () => database().row(state, { id: person.id });
  const raise = () => database().transaction((tx) => users.raiseEpoch(tx, person.id));
  const change = (status: Exclude<UserStatus, 'pending_deletion'>, id = person.id) =>
    database().transaction((tx) => users.changeStatus(tx, id, status));

  describe('raising the epoch', () => {
    it('inserts a revocation, which is published after the commit, and returns the new epoch', async () => {
      const committed = await effectsOf(database(), async () => expect(await raise()).toBe(2));
      const revoked = [{ kind: 'user', target: person.id, epoch: 2 }];
      expect(committed).toEqual([{ revoked, enqueued: false }]);
      expect(await read()).toMatchObject({ authEpoch: 2, announced: [2], updatedAt: world.clock.now() });
    });

    it('gives each of twenty at once an epoch of its own', async () => {
      const answers = await Promise.all(Array.from({ length: 20 }, raise));
      const epochs = Array.from({ length: 20 }, (_, index) => index + 2);
      expect(answers.sort((a = 0, b = 0) => a - b)).toEqual(epochs);
      expect(await read()).toMatchObject({ authEpoch: 21, announced: epochs });
    });

    it('leaves neither epoch nor announcement behind when the effect fails', async () => {
      const failed = database().transaction(async (tx) => {
        await users.raiseEpoch(tx, person.id);
        throw new Error('the effect failed');
      });
      await expect(failed).rejects.toThrow('the effect failed');
      expect(await read()).toMatchObject({ authEpoch: 1, announced: [] });
    });

    it('answers nothing for nobody', async () => {
      expect(await database().transaction((tx) => users.raiseEpoch(tx, nobody))).toBeUndefined();
    });
  });

  describe('changing the status', () => {
    it('raises the epoch and announces it', async () => {
      expect(await change('disabled')).toBe(2);
      const disabledAt = world.clock.now();
      expect(await read()).toMatchObject({ status: 'disabled', disabledAt, authEpoch: 2, announced: [2] });
    });

    it('ends again what an enabled user had before', async () => {
      await change('disabled');
      expect(await change('active')).toBe(3);
      expect(await read()).toMatchObject({ status: 'active', disabledAt: null, announced: [2, 3] });
    });

    it('does nothing when the status is that already, whoever else asks', async () => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => change('disabled')));
      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
      expect(await change('disabled')).toBeUndefined();
      expect(await read()).toMatchObject({ authEpoch: 2, announced: [2] });
    });

    it('answers nothing for nobody', async () => {
      expect(await change('disabled', nobody)).toBeUndefined();
    });
  });

  it('lets effects on one person happen one after the other', async () => {
    const seen = await Promise.all(
      Array.from({ length: 5 }, () =>
        database().transaction(async (tx) => {
          const locked = await users.lock(tx, person.id);
          await users.raiseEpoch(tx, person.id);
          return locked?.authEpoch;
        }),
      ),
    );
    expect(seen.sort((a = 0, b = 0) => a - b)).toEqual([1, 2, 3, 4, 5]);
    expect(await database().transaction((tx) => users.lock(tx, nobody))).toBeUndefined();
  });

  it('shows a profile with the address as it was typed', async () => {
    expect(await users.profile(person.id)).toEqual({
      id: person.id,
      subject: person.id,
      status: 'active',
      name: 'Ada',
      locale: 'en',
      email: person.email,
      emailVerifiedAt: addSeconds(world.clock.now(), -1),
      publicMetadata: {},
      createdAt: addSeconds(world.clock.now(), -1),
    });
    expect(await users.profile(nobody)).toBeUndefined();
  });

  it('renames', async () => {
    await database().transaction((tx) => users.rename(tx, person.id, 'Grace', 'de'));
    expect(await users.profile(person.id)).toMatchObject({ name: 'Grace', locale: 'de' });
  });

  it('lists everybody once, page by page', async () => {
    const added = [await addUser(world), await addUser(world), await addUser(world)];
    const listed: string[] = [];
    for (let after: { createdAt: Date; id: string } | undefined; ; ) {
      const page = await users.list(2, after);
      listed.push(...page.map(({ id }) => id));
      after = page.at(-1);
      if (page.length < 2) break;
    }
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.slice(-4)).toEqual([person, ...added].map(({ id }) => id));
  });

  describe("the user's key", () => {
    const place = { table: 't', column: 'c', row: 'r' };

    it('opens what it sealed before, when it is read from the database', async () => {
      const sealed = person.key.seal('secret', place);
      expect((await users.key(person.id))?.open(sealed, place).toString()).toBe('secret');
    });

    it('dies with the user', async () => {
      await database().run(deleteUser, { id: person.id });
      expect(await users.key(person.id)).toBeUndefined();
    });
  });
});
