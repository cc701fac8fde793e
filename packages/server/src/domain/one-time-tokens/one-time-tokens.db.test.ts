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
const setDisabled = statement('one_time_test.set_disabled', {
  lane: 'pool',
  sql: `update users set status = 'disabled' where id = :id`,
  params: { id: 'uuid' },
  columns: {},
});
const endGrace = statement('one_time_test.end_grace', {
  lane: 'pool',
  sql: `update users set status = 'pending_deletion', deletes_at = :now where id = :id`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});

const purpose: Purpose = 'verify_email';
const lifetimeMs = tokenLifetimeSeconds[purpose] * 1000;

describeOnBothDatabases('one-time tokens', (database) => {
  let fixture: DomainFixture;
  let tokens: OneTimeTokens;
  let users: Users;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    tokens = new OneTimeTokens(fixture);
    users = new Users(fixture);
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  async function issueFor(of: TestUser = user): Promise<{ id: string; text: string }> {
    const id = tokens.newId();
    const token = { id, purpose, userId: of.id, identifierId: of.identifierId, authEpoch: 1, sealedPayload: null };
    const values = tokens.values({ ...token, now: fixture.clock.now() });
    await database().run(issue, { ownerId: of.id, ...values });
    return { id, text: tokens.secret(id, purpose, values.tokenKeyId) };
  }

  const use = (text: string, outcome?: 'used' | 'disowned') =>
    database().transaction((tx) => consume(tx, purpose, text, fixture.clock.now(), outcome && { outcome }));
  const find = (text: string) => findActive(database(), purpose, text, fixture.clock.now());
  const read = (id: string) => database().row(stored, { id });

  describe('consume', () => {
    it('returns the token to exactly one of twenty concurrent calls', async () => {
      const { id, text } = await issueFor();
      const results = await Promise.all(Array.from({ length: 20 }, () => use(text)));
      expect(results.filter((result) => result !== undefined)).toHaveLength(1);
      expect(results.find((result) => result !== undefined)).toMatchObject({
        id,
        userId: user.id,
        identifierId: user.identifierId,
      });
      expect(await read(id)).toMatchObject({ outcome: 'used', consumedAt: fixture.clock.now() });
    });

    it('leaves the token active when the transaction rolls back', async () => {
      const { text } = await issueFor();
      const failed = database().transaction(async (tx) => {
        await consume(tx, purpose, text, fixture.clock.now());
        throw new Error('the effect failed');
      });
      await expect(failed).rejects.toThrow('the effect failed');
      expect(await use(text)).toBeDefined();
    });

    it('accepts a token until one millisecond before its expiry', async () => {
      const { text } = await issueFor();
      fixture.time.advance(lifetimeMs - 1);
      expect(await use(text)).toBeDefined();
    });

    it('rejects a token from its expiry on', async () => {
      const { text } = await issueFor();
      fixture.time.advance(lifetimeMs);
      expect(await find(text)).toBeUndefined();
      expect(await use(text)).toBeUndefined();
    });

    it('stores that a token was disowned', async () => {
      const { id, text } = await issueFor();
      expect(await use(text, 'disowned')).toBeDefined();
      expect(await read(id)).toMatchObject({ outcome: 'disowned' });
      expect(await use(text)).toBeUndefined();
    });

    it.each<[string, () => Promise<unknown>]>([
      ['of an earlier epoch', () => database().transaction((tx) => users.raiseEpoch(tx, user.id))],
      [
        'of a user whose status is disabled without a change of epoch',
        () => database().run(setDisabled, { id: user.id }),
      ],
      [
        'of a user whose grace period ends now, before the erasure',
        () => database().run(endGrace, { id: user.id, now: fixture.clock.now() }),
      ],
      ['of a disabled user', () => database().transaction((tx) => users.changeStatus(tx, user.id, 'disabled'))],
    ])('rejects a token %s', async (_, end) => {
      const { id, text } = await issueFor();
      await end();
      expect(await find(text)).toBeUndefined();
      expect(await use(text)).toBeUndefined();
      expect(await read(id)).toMatchObject({ consumedAt: null });
    });

    it('rejects a token of another purpose', async () => {
      const { text } = await issueFor();
      const other = 'reset_password' as Purpose;
      expect(await database().transaction((tx) => consume(tx, other, text, fixture.clock.now()))).toBeUndefined();
      expect(await use(text)).toBeDefined();
    });

    it.each([
      ['an empty text', ''],
      ['an unknown token', formatSecret(secretPrefixes.oneTimeLink, Buffer.alloc(32))],
      ['a secret of another kind', formatSecret(secretPrefixes.session, Buffer.alloc(32))],
    ])('rejects %s', async (_, text) => {
      expect(await find(text)).toBeUndefined();
      expect(await use(text)).toBeUndefined();
    });
  });

  it('are found without being used', async () => {
    const { id, text } = await issueFor();
    expect(await find(text)).toMatchObject({ id });
    expect(await find(text)).toMatchObject({ id });
    expect(await use(text)).toMatchObject({ id });
    expect(await find(text)).toBeUndefined();
  });

  it('are revoked for one user and purpose only', async () => {
    const [used, first, second] = [await issueFor(), await issueFor(), await issueFor()];
    const ofAnotherUser = await issueFor(await addUser(fixture));
    await database().transaction(async (tx) => {
      await consume(tx, purpose, used.text, fixture.clock.now());
      await revokeOthers(tx, user.id, purpose, fixture.clock.now());
    });
    expect(await read(used.id)).toMatchObject({ outcome: 'used' });
    for (const { id, text } of [first, second]) {
      expect(await read(id)).toMatchObject({ outcome: 'replaced' });
      expect(await use(text)).toBeUndefined();
    }
    expect(await use(ofAnotherUser.text)).toBeDefined();
  });

  describe('the secret', () => {
    it('is the same at every rendering on every node, also after a rotation of the key', async () => {
      const { id, text } = await issueFor();
      const keyId = (await read(id))?.keyId ?? '';
      const keys = await openKeys(fixture);
      await keys.rotateDataKey('link');
      fixture.time.advance(2 * spreadSeconds * 1000);
      expect(keys.currentKeyId('link')).not.toBe(keyId);
      expect(new OneTimeTokens({ ...fixture, keys }).secret(id, purpose, keyId)).toBe(text);
      expect(await use(text)).toBeDefined();
    });

    it('is not stored, only its hash is', async () => {
      const { id, text } = await issueFor();
      const row = await read(id);
      expect(row?.hash).toEqual(hashSecret(text));
      expect(row?.everything).not.toContain(text);
      expect(row?.everything).not.toContain(Buffer.from(text).toString('hex'));
    });

    it('differs for each purpose and token', () => {
      const keyId = fixture.keys.currentKeyId('link');
      const secrets = ['a', 'b'].flatMap((id) => ['x', 'y'].map((of) => tokens.secret(id, of, keyId)));
      expect(new Set(secrets).size).toBe(4);
    });
  });

  it('are deleted a week after their expiry', async () => {
    const { id } = await issueFor();
    fixture.time.advance(lifetimeMs + 7 * 24 * 3600 * 1000);
    await deleteExpiredTokens(database(), fixture.clock.now());
    expect(await read(id)).toBeDefined();
    fixture.time.advance(1);
    expect(await deleteExpiredTokens(database(), fixture.clock.now())).toBeGreaterThan(0);
    expect(await read(id)).toBeUndefined();
  });
});
