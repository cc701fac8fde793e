import { beforeAll, beforeEach, expect, it } from 'vitest';
import { verifyIdentifier } from '#domain/identifiers/index.ts';
import { insertTokenFragment, OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { type DomainFixture, insertTestUser, openDomainFixture, testUserValues } from '#test/support/domain-fixture.ts';
import { eventually } from '#test/support/wait.ts';
import { deleteAbandonedUsers, Users } from './index.ts';

const unverify = statement('user_sweep_test.unverify', {
  lane: 'pool',
  sql: `update identifiers set verified_at = null where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});
const waiting = statement('user_sweep_test.waiting', {
  lane: 'pool',
  sql: `select count(*) as statements from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`,
  params: {},
  columns: { statements: 'int8' },
});
const issued = insertTokenFragment('owner');
const issue = statement('user_sweep_test.issue', {
  lane: 'pool',
  sql: `with owner as (select id from users where id = :ownerId), ${issued.sql} select id from issued`,
  params: { ownerId: 'uuid', ...issued.params },
  columns: { id: 'uuid' },
});

const weekMs = 7 * 24 * 3600 * 1000;

describeOnBothDatabases('unverified registrations', (database, kind) => {
  let fixture: DomainFixture;
  let users: Users;
  let userId: string;
  let identifierId: string;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    users = new Users(fixture);
  });

  beforeEach(async () => {
    ({ userId, identifierId } = await register());
    await database().run(unverify, { id: identifierId });
  });

  async function register() {
    const values = testUserValues(fixture, `${fixture.makeId()}@people.example`);
    await database().run(insertTestUser, values);
    return values;
  }

  const sweep = () => deleteAbandonedUsers(database(), fixture.clock.now());
  const isThere = async (id = userId) => (await users.profile(id)) !== undefined;

  it('are deleted a week after they were made, which frees the address', async () => {
    fixture.time.advance(weekMs);
    await sweep();
    expect(await isThere()).toBe(true);
    fixture.time.advance(1);
    expect(await sweep()).toBe(1);
    expect(await isThere()).toBe(false);
  });

  it('stay while one of their links is active', async () => {
    fixture.time.advance(weekMs + 1);
    const tokens = new OneTimeTokens(fixture);
    const token = { id: tokens.newId(), purpose: 'verify_email', userId, identifierId, authEpoch: 1 } as const;
    const values = tokens.values({ ...token, sealedPayload: null, now: fixture.clock.now() });
    await database().run(issue, { ownerId: userId, ...values });
    await sweep();
    expect(await isThere()).toBe(true);
    fixture.time.advance(24 * 3600 * 1000);
    await sweep();
    expect(await isThere()).toBe(false);
  });

  it('are never confused with verified ones', async () => {
    const confirmed = await register();
    fixture.time.advance(weekMs + 1);
    await sweep();
    expect(await isThere(confirmed.userId)).toBe(true);
  });

  // The embedded database has one connection: the sweep cannot wait for another transaction there.
  if (kind === 'postgres') {
    it('stay when they are verified while the sweep runs', async () => {
      fixture.time.advance(weekMs + 1);
      let sweeping: Promise<number> | undefined;
      await database().transaction(async (tx) => {
        await users.lock(tx, userId);
        await verifyIdentifier(tx, { id: identifierId, asTyped: undefined, now: fixture.clock.now() });
        await users.raiseEpoch(tx, userId);
        sweeping = sweep();
        const sweepWaits = async () => (await database().row(waiting, {}))?.statements === 1;
        await eventually(sweepWaits, { what: 'the sweep waits for the row' });
      });
      expect(await sweeping).toBe(0);
      expect(await isThere()).toBe(true);
    });
  }
});
