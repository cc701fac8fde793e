import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { HashQueue, PasswordHashes, passwordAssociatedData } from '#domain/passwords/index.ts';
import { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases, effectsOf } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { operator } from '#test/support/operator.ts';
import { offlineRules } from '#test/support/password-rules.ts';
import {
  type AdminUsers,
  changeMetadata,
  createUser,
  disableUser,
  enableUser,
  endSessions,
  findUser,
  grantRole,
  listUsers,
  type NewUser,
  showUser,
  withdrawRole,
} from './index.ts';

const readEvents = statement('admin_users_test.events', {
  lane: 'pool',
  sql: `select id, action, actor_kind, convert_from(body, 'UTF8') as body from audit_events
    where user_id = :userId order by id`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', action: 'text', actorKind: 'text', body: 'text?' },
});

const readPassword = statement('admin_users_test.password', {
  lane: 'pool',
  sql: `select sealed_phc from passwords where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { sealedPhc: 'bytea' },
});

const count = statement('admin_users_test.count', {
  lane: 'pool',
  sql: `select (select count(*) from users)::integer as users, (select count(*) from user_keys)::integer as keys,
    (select count(*) from audit_events where action = 'user.created')::integer as events`,
  params: {},
  columns: { users: 'int4?', keys: 'int4?', events: 'int4?' },
});

const unverify = statement('admin_users_test.unverify', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: {},
});

const activeFamilies = statement('admin_users_test.active_families', {
  lane: 'pool',
  sql: `select id from refresh_families where user_id = :userId and ended_at is null`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid' },
});

const absentId = '00000000-0000-7000-8000-000000000000';
const password = 'correct horse battery staple';

describeOnBothDatabases('administration of users', (database) => {
  let fixture: DomainFixture;
  let flow: AdminUsers;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    const queue = new HashQueue({ concurrency: 2, queueLength: 100 });
    const hashes = await PasswordHashes.create(queue, { memoryKib: 8, iterations: 1, parallelism: 1 });
    const mail = new MailLedger({ makeId: fixture.makeId, publicUrl: 'https://auth.example.com' });
    flow = {
      ...fixture,
      hashes,
      passwordRules: offlineRules(fixture),
      users: new Users(fixture),
      mail,
      secondFactorFor: 'admins',
    };
  });

  const eventsOf = (userId: string) => database().rows(readEvents, { userId });
  const totals = () => database().row(count, {});

  function newUser(address: string, overrides: Partial<NewUser> = {}): NewUser {
    const email = { asTyped: address, canonical: address.toLowerCase() };
    return { email, name: 'Ada', locale: 'en', roles: [], password: undefined, ...overrides };
  }

  async function create(user: NewUser): Promise<string> {
    const outcome = await createUser(flow, operator, user);
    if (outcome.kind !== 'created') throw new Error(outcome.kind);
    return outcome.userId;
  }

  describe('createUser', () => {
    it('creates a verified user with role, password and event', async () => {
      const userId = await create(newUser('Whole@people.example', { roles: ['owner'], password }));
      expect(await showUser(flow, userId)).toMatchObject({
        email: 'Whole@people.example',
        emailVerifiedAt: fixture.clock.now(),
        roles: ['owner'],
        liveSessions: 0,
        lastLoginAt: null,
        failedLogins: 0,
      });
      const { sealedPhc } = present(await database().row(readPassword, { userId }), 'the password');
      const phc = fixture.keys.open('password', sealedPhc, passwordAssociatedData(userId)).toString();
      expect(await flow.hashes.matches(password, phc)).toBe(true);
      const [event] = await eventsOf(userId);
      expect(event).toMatchObject({ action: 'user.created', actorKind: 'operator' });
      expect(JSON.parse(event?.body ?? '')).toMatchObject({ facts: { roles: ['owner'], password: true } });
    });

    it('encrypts the address in the event with the user key', async () => {
      const userId = await create(newUser('sealed@people.example'));
      const [event] = await eventsOf(userId);
      expect(event?.body).not.toContain('sealed@people.example');
      const { personal } = JSON.parse(event?.body ?? '') as { readonly personal: { readonly sealed: string } };
      const key = present(await flow.users.key(userId), 'the key');
      const associatedData = { table: 'audit_events', column: 'body', row: event?.id ?? '' };
      const opened = key.open(Buffer.from(personal.sealed, 'base64url'), associatedData).toString();
      expect(JSON.parse(opened)).toEqual({ email: 'sealed@people.example' });
    });

    it('replaces an unverified registration of the address, of which nothing remains', async () => {
      const early = await addUser(fixture);
      await database().run(unverify, { userId: early.id });
      const email = { asTyped: early.email.toUpperCase(), canonical: early.email };
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => createUser(flow, operator, newUser('', { email, name: 'Ada' }))),
      );
      const created = outcomes.flatMap((outcome) => (outcome.kind === 'created' ? [outcome.userId] : []));
      expect(created).toHaveLength(1);
      expect(await showUser(flow, created[0] ?? '')).toMatchObject({ name: 'Ada', email: email.asTyped });
      expect(await showUser(flow, early.id)).toBeUndefined();
      expect(await findUser(flow, email.canonical)).toBe(created[0]);
    });

    it('creates one user for twenty concurrent spellings of an address, without rows of the others', async () => {
      const before = present(await totals(), 'the counts');
      const spellings = Array.from({ length: 20 }, (_, index) =>
        index % 2 ? 'RACE@people.example' : 'race@People.example',
      );
      const outcomes = await Promise.all(
        spellings.map((asTyped) =>
          createUser(
            flow,
            operator,
            newUser('', { email: { asTyped, canonical: 'race@people.example' }, roles: ['owner'] }),
          ),
        ),
      );
      const winners = outcomes.flatMap((outcome) => (outcome.kind === 'created' ? [outcome.userId] : []));
      expect(winners).toHaveLength(1);
      const losers = outcomes.filter(({ kind }) => kind === 'taken');
      expect(new Set(losers.map((outcome) => JSON.stringify(outcome)))).toEqual(
        new Set([JSON.stringify({ kind: 'taken', holderId: winners[0] })]),
      );
      const plusOne = (number: number | null) => (number ?? 0) + 1;
      const { users, keys, events } = before;
      expect(await totals()).toEqual({ users: plusOne(users), keys: plusOne(keys), events: plusOne(events) });
    });
  });

  describe('disableUser, enableUser and endSessions', () => {
    let user: TestUser;

    beforeEach(async () => {
      user = await addUser(fixture);
      fixture.time.advance(1000);
      await addSession(fixture, user, 'token');
    });

    it.each([
      ['disabling', disableUser, 'user.disabled', 'disabled'],
      ['ending all sessions', endSessions, 'user.sessions_ended', 'ended_by_operator'],
    ] as const)(
      '%s ends every session, publishes the revocations with the commit, and records one event',
      async (_, operation, action, reason) => {
        const { sessionId } = await addSession(fixture, user, 'cookie');
        expect(await showUser(flow, user.id)).toMatchObject({ liveSessions: 2, lastLoginAt: fixture.clock.now() });
        const change = { kind: 'changed', endedSessions: 2 };
        const [committed] = await effectsOf(database(), async () => {
          expect(await operation(flow, operator, user.id)).toEqual(change);
        });
        expect(await showUser(flow, user.id)).toMatchObject({ liveSessions: 0 });
        expect(await database().rows(activeFamilies, { userId: user.id })).toEqual([]);
        const revoked = [
          { kind: 'user', target: user.id, epoch: 2 },
          { kind: 'session', target: sessionId, epoch: null, reason },
        ];
        expect(committed?.revoked).toEqual(expect.arrayContaining(revoked));
        const events = await eventsOf(user.id);
        expect(events).toMatchObject([{ action, actorKind: 'operator' }]);
        expect(JSON.parse(events[0]?.body ?? '')).toMatchObject({ facts: { sessions: 2 } });
      },
    );

    it('changes the user once for twenty concurrent calls', async () => {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => disableUser(flow, operator, user.id)));
      expect(outcomes.filter(({ kind }) => kind === 'changed')).toHaveLength(1);
      expect(outcomes).toContainEqual({ kind: 'unchanged', status: 'disabled' });
      expect(await eventsOf(user.id)).toHaveLength(1);
    });

    it('keeps sessions ended when the user is enabled again', async () => {
      await disableUser(flow, operator, user.id);
      expect(await enableUser(flow, operator, user.id)).toEqual({ kind: 'changed', endedSessions: 0 });
      expect(await showUser(flow, user.id)).toMatchObject({ status: 'active', liveSessions: 0 });
      expect(await enableUser(flow, operator, user.id)).toEqual({ kind: 'unchanged', status: 'active' });
    });

    it.each([disableUser, enableUser, endSessions])('returns `absent` for an unknown user: %o', async (operation) => {
      expect(await operation(flow, operator, absentId)).toEqual({ kind: 'absent' });
      expect(await eventsOf(absentId)).toEqual([]);
    });
  });

  describe('grantRole and withdrawRole', () => {
    let user: TestUser;

    beforeEach(async () => {
      user = await addUser(fixture);
      await addSession(fixture, user, 'token');
    });

    it('ends sessions of the earlier roles and records one event for each change', async () => {
      expect(await grantRole(flow, operator, user.id, 'owner')).toEqual({ kind: 'changed', endedSessions: 1 });
      expect(await showUser(flow, user.id)).toMatchObject({ roles: ['owner'], liveSessions: 0 });
      // A session of one factor, which a role does not allow, is refused by the database.
      await expect(addSession(fixture, user, 'cookie', 2)).rejects.toThrow('a session of one factor');
      expect(await withdrawRole(flow, operator, user.id, 'owner')).toEqual({ kind: 'changed', endedSessions: 0 });
      expect(await showUser(flow, user.id)).toMatchObject({ roles: [], liveSessions: 0 });
      const events = await eventsOf(user.id);
      expect(events.map(({ action }) => action)).toEqual(['user.role_granted', 'user.role_revoked']);
      for (const [index, event] of events.entries()) {
        expect(JSON.parse(event.body ?? '')).toMatchObject({
          actor: { kind: 'operator' },
          facts: { role: 'owner', sessions: index === 0 ? 1 : 0 },
        });
      }
    });

    it('changes the user once for twenty concurrent calls', async () => {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => grantRole(flow, operator, user.id, 'owner')));
      expect(outcomes.filter(({ kind }) => kind === 'changed')).toHaveLength(1);
      expect(outcomes).toContainEqual({ kind: 'unchanged', status: 'active' });
      expect(await eventsOf(user.id)).toHaveLength(1);
    });

    it('keeps sessions when no role changes', async () => {
      expect(await withdrawRole(flow, operator, user.id, 'owner')).toEqual({ kind: 'unchanged', status: 'active' });
      expect(await showUser(flow, user.id)).toMatchObject({ liveSessions: 1 });
      expect(await eventsOf(user.id)).toEqual([]);
    });

    it.each([grantRole, withdrawRole])('returns `absent` for an unknown user: %o', async (operation) => {
      expect(await operation(flow, operator, absentId, 'owner')).toEqual({ kind: 'absent' });
    });
  });

  describe('changeMetadata', () => {
    let user: TestUser;

    beforeEach(async () => {
      user = await addUser(fixture);
    });

    const metadata = async () => (await showUser(flow, user.id))?.metadata;

    it('replaces the given kind and keeps the other', async () => {
      await changeMetadata(flow, operator, user.id, { public: { plan: 'pro' }, private: { note: 'a friend' } });
      expect(await changeMetadata(flow, operator, user.id, { public: { seats: 3 } })).toEqual({ kind: 'changed' });
      expect(await metadata()).toEqual({ public: { seats: 3 }, private: { note: 'a friend' } });
    });

    it('records the changed kind in the event without its value', async () => {
      await changeMetadata(flow, operator, user.id, { private: { note: 'a friend' } });
      const [event] = await eventsOf(user.id);
      expect(event).toMatchObject({ action: 'user.metadata_changed', actorKind: 'operator' });
      expect(JSON.parse(event?.body ?? '')).toMatchObject({ facts: { public: false, private: true } });
      expect(event?.body).not.toContain('friend');
    });

    it('keeps sessions', async () => {
      await addSession(fixture, user, 'token');
      await changeMetadata(flow, operator, user.id, { public: { plan: 'pro' } });
      expect(await showUser(flow, user.id)).toMatchObject({ liveSessions: 1 });
    });

    it('accepts 8192 bytes as PostgreSQL writes them and rejects 8193', async () => {
      const ofBytes = (bytes: number) => ({ a: 'a'.repeat(bytes - '{"a": ""}'.length) });
      expect(await changeMetadata(flow, operator, user.id, { public: ofBytes(8192) })).toEqual({ kind: 'changed' });
      const tooLarge = await changeMetadata(flow, operator, user.id, { public: {}, private: ofBytes(8193) });
      expect(tooLarge).toEqual({ kind: 'too_large' });
      expect(await metadata()).toEqual({ public: ofBytes(8192), private: {} });
      expect(await eventsOf(user.id)).toHaveLength(1);
    });

    it('returns `absent` for an unknown user', async () => {
      expect(await changeMetadata(flow, operator, absentId, { public: {} })).toEqual({ kind: 'absent' });
    });
  });

  describe('findUser and listUsers', () => {
    it('finds a user by id or by any spelling of the address', async () => {
      const userId = await create(newUser('Find.Me@people.example'));
      for (const given of [userId, userId.toUpperCase(), 'find.me@people.example', 'FIND.ME@PEOPLE.example']) {
        expect(await findUser(flow, given)).toBe(userId);
      }
      for (const given of [absentId, 'unknown@people.example', 'unknown', '']) {
        expect(await findUser(flow, given)).toBeUndefined();
      }
      expect(await showUser(flow, absentId)).toBeUndefined();
    });

    it('lists each user once, page by page, without a next id at the end', async () => {
      const listed: string[] = [];
      let after: string | undefined;
      do {
        const page = present(await listUsers(flow, 3, after), 'the page');
        listed.push(...page.users.map(({ id }) => id));
        after = page.next;
      } while (after !== undefined);
      expect(new Set(listed).size).toBe(listed.length);
      expect(listed).toHaveLength((await totals())?.users ?? 0);
      expect(await listUsers(flow, 3, absentId)).toBeUndefined();
      expect(await listUsers(flow, 3, 'unknown')).toBeUndefined();
    });
  });
});
