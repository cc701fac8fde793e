import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Users } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import { openKeys, spreadSeconds } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import {
  consume,
  deleteExpiredTokens,
  findActive,
  insertTokenFragment,
  OneTimeTokens,
  type Purpose,
  revokeOthers,
  tokenLifetimeSeconds,
} from './index.ts';

const issued = insertTokenFragment('owner');
const issue = statement('one_time_test.issue', {
  lane: 'pool',
  sql: `with owner as (select id from users where id = :ownerId), ${issued.sql} select id from issued`,
  params: { ownerId: 'uuid', ...issued.params },
  columns: { id: 'uuid' },
});
const stored = statement('one_time_test.stored', {
  lane: 'pool',
  sql: `select t.hash, t.key_id, t.consumed_at, t.outcome, row_to_json(t)::text as everything
    from one_time_tokens t where t.id = :id`,
  params: { id: 'uuid' },
  columns: { hash: 'bytea', keyId: 'uuid', consumedAt: 'timestamptz?', outcome: 'text?', everything: 'text' },
});
const disableAlone = statement('one_time_test.disable_alone', {
  lane: 'pool',
  sql: `update users set status = 'disabled' where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});

const purpose: Purpose = 'verify_email';
const lifetimeMs = tokenLifetimeSeconds[purpose] * 1000;

describeOnBothDatabases('one-time tokens', (database) => {
  let world: DomainFixture;
  let tokens: OneTimeTokens;
  let users: Users;
  let person: TestUser;

  beforeAll(async () => {
    world = await openDomainFixture(database());
    tokens = new OneTimeTokens(world);
    users = new Users(world);
  });

  beforeEach(async () => {
    person = await addUser(world);
  });

  async function give(of: TestUser = person): Promise<{ id: string; text: string }> {
    const id = tokens.newId();
    const token = { id, purpose, userId: of.id, identifierId: of.identifierId, authEpoch: 1, sealedPayload: null };
    const values = tokens.values({ ...token, now: world.clock.now() });
    await database().run(issue, { ownerId: of.id, ...values });
    return { id, text: tokens.secret(id, purpose, values.tokenKeyId) };
  }

  const use = (text: string, outcome?: 'used' | 'disowned') =>
    database().transaction((tx) => consume(tx, purpose, text, world.clock.now(), outcome && { outcome }));
  const look = (text: string) => findActive(database(), purpose, text, world.clock.now());
  const read = (id: string) => database().row(stored, { id });

  describe('consume', () => {
    it('gives a token to exactly one of twenty who use it at once', async () => {
      const { id, text } = await give();
      const answers = await Promise.all(Array.from({ length: 20 }, () => use(text)));
      expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1);
      expect(answers.find((answer) => answer !== undefined)).toMatchObject({
        id,
        userId: person.id,
        identifierId: person.identifierId,
      });
      expect(await read(id)).toMatchObject({ outcome: 'used', consumedAt: world.clock.now() });
    });

    it('gives it back when the effect fails', async () => {
      const { text } = await give();
      const failed = database().transaction(async (tx) => {
        await consume(tx, purpose, text, world.clock.now());
        throw new Error('the effect failed');
      });
      await expect(failed).rejects.toThrow('the effect failed');
      expect(await use(text)).toBeDefined();
    });

    it('works until the millisecond before the expiry', async () => {
      const { text } = await give();
      world.time.advance(lifetimeMs - 1);
      expect(await use(text)).toBeDefined();
    });

    it('refuses from the expiry on', async () => {
      const { text } = await give();
      world.time.advance(lifetimeMs);
      expect(await look(text)).toBeUndefined();
      expect(await use(text)).toBeUndefined();
    });

    it('says that a token was disowned', async () => {
      const { id, text } = await give();
      expect(await use(text, 'disowned')).toBeDefined();
      expect(await read(id)).toMatchObject({ outcome: 'disowned' });
      expect(await use(text)).toBeUndefined();
    });

    it.each<[string, () => Promise<unknown>]>([
      ['of an earlier epoch', () => database().transaction((tx) => users.raiseEpoch(tx, person.id, 900))],
      ['of a user whose status alone says disabled', () => database().run(disableAlone, { id: person.id })],
      ['of a disabled user', () => database().transaction((tx) => users.changeStatus(tx, person.id, 'disabled', 900))],
    ])('refuses what is %s', async (_, end) => {
      const { id, text } = await give();
      await end();
      expect(await look(text)).toBeUndefined();
      expect(await use(text)).toBeUndefined();
      expect(await read(id)).toMatchObject({ consumedAt: null });
    });

    it('refuses a token of another purpose', async () => {
      const { text } = await give();
      const other = 'reset_password' as Purpose;
      expect(await database().transaction((tx) => consume(tx, other, text, world.clock.now()))).toBeUndefined();
      expect(await use(text)).toBeDefined();
    });

    it.each([
      ['nothing', ''],
      ['an unknown one', formatSecret(secretPrefixes.oneTimeLink, Buffer.alloc(32))],
      ['a secret of another kind', formatSecret(secretPrefixes.session, Buffer.alloc(32))],
    ])('refuses %s', async (_, text) => {
      expect(await look(text)).toBeUndefined();
      expect(await use(text)).toBeUndefined();
    });
  });

  it('can be looked at without being used', async () => {
    const { id, text } = await give();
    expect(await look(text)).toMatchObject({ id });
    expect(await look(text)).toMatchObject({ id });
    expect(await use(text)).toMatchObject({ id });
    expect(await look(text)).toBeUndefined();
  });

  it("replaces every other live token of that user and purpose, and nobody else's", async () => {
    const [pressed, first, second] = [await give(), await give(), await give()];
    const stranger = await give(await addUser(world));
    await database().transaction(async (tx) => {
      await consume(tx, purpose, pressed.text, world.clock.now());
      await revokeOthers(tx, person.id, purpose, world.clock.now());
    });
    expect(await read(pressed.id)).toMatchObject({ outcome: 'used' });
    for (const { id, text } of [first, second]) {
      expect(await read(id)).toMatchObject({ outcome: 'replaced' });
      expect(await use(text)).toBeUndefined();
    }
    expect(await use(stranger.text)).toBeDefined();
  });

  describe('the secret', () => {
    it('is the same at every rendering, on every node, also after the key was rotated', async () => {
      const { id, text } = await give();
      const keyId = (await read(id))?.keyId ?? '';
      const keys = await openKeys(world);
      await keys.rotateDataKey('link');
      world.time.advance(2 * spreadSeconds * 1000);
      expect(keys.currentKeyId('link')).not.toBe(keyId);
      expect(new OneTimeTokens({ ...world, keys }).secret(id, purpose, keyId)).toBe(text);
      expect(await use(text)).toBeDefined();
    });

    it('is never stored, only its hash', async () => {
      const { id, text } = await give();
      const row = await read(id);
      expect(row?.hash).toEqual(hashSecret(text));
      expect(row?.everything).not.toContain(text);
      expect(row?.everything).not.toContain(Buffer.from(text).toString('hex'));
    });

    it('differs for another purpose and another token', () => {
      const keyId = world.keys.currentKeyId('link');
      const secrets = ['a', 'b'].flatMap((id) => ['x', 'y'].map((of) => tokens.secret(id, of, keyId)));
      expect(new Set(secrets).size).toBe(4);
    });
  });

  it('is forgotten a week after it expired', async () => {
    const { id } = await give();
    world.time.advance(lifetimeMs + 7 * 24 * 3600 * 1000);
    await deleteExpiredTokens(database(), world.clock.now());
    expect(await read(id)).toBeDefined();
    world.time.advance(1);
    expect(await deleteExpiredTokens(database(), world.clock.now())).toBeGreaterThan(0);
    expect(await read(id)).toBeUndefined();
  });
});
