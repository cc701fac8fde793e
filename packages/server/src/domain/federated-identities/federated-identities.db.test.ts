import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { eraseUser } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { addProviderRow, setProviderEnabled } from '#test/support/provider-rows.ts';
import {
  type BrowserSecret,
  beginProviderLogin,
  consumePendingIdentity,
  deleteExpiredPendingIdentities,
  deleteExpiredProviderLogins,
  findIdentity,
  findPendingIdentity,
  hasOtherWayIn,
  holdIdentity,
  linkIdentity,
  listIdentities,
  newProviderLogin,
  suspendIdentities,
  takeProviderLogin,
} from './index.ts';

const readLogin = statement('federated_identities_test.read_login', {
  lane: 'pool',
  sql: `select to_jsonb(l)::text as row from provider_logins l where state_hash = :hash`,
  params: { hash: 'bytea' },
  columns: { row: 'text?' },
});

function newBrowser(): BrowserSecret {
  const secret = formatSecret(secretPrefixes.loginBrowser, randomBytes(32));
  return { secret, hash: hashSecret(secret) };
}

const hourMs = 60 * 60 * 1000;

describeOnBothDatabases('federated identities', (database) => {
  let fixture: DomainFixture;
  let provider: { readonly id: string; readonly issuer: string };
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    provider = await addProviderRow(database(), fixture.clock.now());
    user = await addUser(fixture);
  });

  const now = () => fixture.clock.now();
  const profile = { email: 'ada@provider.example', name: 'Ada' };

  const link = (of: TestUser, subject: string, issuer = provider.issuer) =>
    database().transaction((tx) =>
      linkIdentity(tx, fixture.makeId, { userId: of.id, userKey: of.key, issuer, subject, profile, now: now() }),
    );

  describe('an identity', () => {
    it('has one user, by issuer and subject together', async () => {
      const other = await addUser(fixture);
      const elsewhere = await addProviderRow(database(), now());
      expect(await link(user, 's1')).toMatchObject({ kind: 'linked' });
      expect(await link(other, 's1')).toEqual({ kind: 'taken' });
      expect(await link(user, 's1')).toMatchObject({ kind: 'unchanged' });
      expect(await link(other, 's1', elsewhere.issuer)).toMatchObject({ kind: 'linked' });
      expect(await findIdentity(database(), { issuer: provider.issuer, subject: 's1' })).toMatchObject({
        userId: user.id,
      });
    });

    it('gets one of twenty users at once', async () => {
      const users = await Promise.all(Array.from({ length: 20 }, () => addUser(fixture)));
      const outcomes = await Promise.all(users.map((one) => link(one, 'contested')));
      expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['linked', ...Array(19).fill('taken')]);
    });

    it('shows its profile to its user, encrypted under the user key', async () => {
      await link(user, 's1');
      expect(await listIdentities(database(), user.key, user.id)).toMatchObject([
        { issuer: provider.issuer, profile, suspendedAt: null, lastUsedAt: null },
      ]);
      await expect(listIdentities(database(), (await addUser(fixture)).key, user.id)).rejects.toThrow();
    });

    it('is suspended, and resumed by being linked again', async () => {
      await link(user, 's1');
      expect(await database().transaction((tx) => suspendIdentities(tx, user.id, now()))).toHaveLength(1);
      expect(await link(user, 's1')).toMatchObject({ kind: 'resumed' });
      expect(await listIdentities(database(), user.key, user.id)).toMatchObject([{ suspendedAt: null }]);
    });

    it('is free again once its user is erased', async () => {
      await link(user, 's1');
      const erased = { userId: user.id, subject: user.id, now: now() };
      await database().transaction((tx) => eraseUser(tx, fixture.keys, erased));
      expect(await link(await addUser(fixture), 's1')).toMatchObject({ kind: 'linked' });
    });
  });

  describe('another way in', () => {
    async function otherWays(subjects: readonly string[], byMail = false): Promise<boolean> {
      const ids: string[] = [];
      for (const subject of subjects) {
        const linked = await link(user, subject);
        if (linked.kind === 'linked') ids.push(linked.id);
      }
      const identity = { userId: user.id, identityId: present(ids[0], 'an identity') };
      return database().transaction((tx) => hasOtherWayIn(tx, identity, { byMail, passkeys: true }));
    }

    it('is a password, a mail, or another identity', async () => {
      expect(await otherWays(['only'])).toBe(false);
      expect(await otherWays(['first', 'second'])).toBe(true);
      user = await addUser(fixture);
      expect(await otherWays(['mailed'], true)).toBe(true);
      user = await addUser(fixture);
      const sealed = fixture.keys.seal('password', 'a hash', passwordAssociatedData(user.id));
      await database().transaction((tx) => setPassword(tx, user.id, sealed, now()));
      expect(await otherWays(['with password'])).toBe(true);
    });

    it('is no other identity that is suspended or of a disabled provider', async () => {
      await link(user, 'suspended');
      await database().transaction((tx) => suspendIdentities(tx, user.id, now()));
      const disabled = await addProviderRow(database(), now());
      await link(user, 'x', disabled.issuer);
      await setProviderEnabled(database(), disabled.id, false);
      expect(await otherWays(['only'])).toBe(false);
    });
  });

  describe('a login at a provider', () => {
    const begin = async (browser: BrowserSecret, sessionId?: string) => {
      const login = newProviderLogin(fixture.keys);
      const purpose =
        sessionId === undefined ? ({ purpose: 'login' } as const) : ({ purpose: 'link', sessionId } as const);
      const started = {
        ...purpose,
        providerId: provider.id,
        browserHash: browser.hash,
        continueTo: '/account',
        now: now(),
      };
      expect(await beginProviderLogin(fixture, login, started)).toBe(true);
      return login;
    };

    const take = (state: string, browser: BrowserSecret, providerId = provider.id) =>
      takeProviderLogin(fixture, { state, providerId, browserHash: browser.hash, now: now() });

    it('returns to the browser and the provider that it began with, and to no other', async () => {
      const [browser, other] = [newBrowser(), newBrowser()];
      const elsewhere = await addProviderRow(database(), now());
      const login = await begin(browser);
      expect(await take(login.state, other)).toBeUndefined();
      expect(await take(login.state, browser, elsewhere.id)).toBeUndefined();
      expect(await take('x', browser)).toBeUndefined();
      const { state, nonce, verifier } = login;
      const expected = { state, nonce, verifier, purpose: 'login', continueTo: '/account' };
      expect(await take(login.state, browser)).toMatchObject(expected);
      expect(await take(login.state, browser)).toBeUndefined();
    });

    it('is taken once of twenty times at once', async () => {
      const browser = newBrowser();
      const { state } = await begin(browser);
      const taken = await Promise.all(Array.from({ length: 20 }, () => take(state, browser)));
      expect(taken.filter((one) => one !== undefined)).toHaveLength(1);
    });

    it('is not taken after ten minutes, nor while its provider is disabled', async () => {
      const browser = newBrowser();
      const late = await begin(browser);
      fixture.time.advance(hourMs / 6);
      expect(await take(late.state, browser)).toBeUndefined();
      const stopped = await begin(browser);
      await setProviderEnabled(database(), provider.id, false);
      expect(await take(stopped.state, browser)).toBeUndefined();
      const none = {
        purpose: 'login',
        providerId: provider.id,
        browserHash: browser.hash,
        continueTo: undefined,
      } as const;
      expect(await beginProviderLogin(fixture, newProviderLogin(fixture.keys), { ...none, now: now() })).toBe(false);
    });

    it('belongs to the session that asked for the link', async () => {
      const browser = newBrowser();
      const { sessionId } = await addSession(fixture, user, 'cookie');
      const { state } = await begin(browser, sessionId);
      expect(await take(state, browser)).toMatchObject({ purpose: 'link', sessionId });
    });

    it('stores neither state, nonce nor verifier', async () => {
      const login = await begin(newBrowser());
      const { row } = present(await database().row(readLogin, { hash: hashSecret(login.state) }), 'the row');
      for (const secret of [login.state, login.nonce, login.verifier]) {
        expect(row).not.toContain(secret);
        expect(row).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
      }
      expect(new Set([login.state, login.nonce, login.verifier]).size).toBe(3);
    });

    it('is swept an hour after its end', async () => {
      fixture.time.advance(2 * hourMs);
      await deleteExpiredProviderLogins(database(), now());
      await begin(newBrowser());
      fixture.time.advance(hourMs);
      expect(await deleteExpiredProviderLogins(database(), now())).toBe(0);
      fixture.time.advance(hourMs / 6);
      expect(await deleteExpiredProviderLogins(database(), now())).toBe(1);
    });
  });

  describe('a pending identity', () => {
    const identity = (subject: string) => ({
      issuer: provider.issuer,
      subject,
      providerId: provider.id,
      ...profile,
      strength: 'one' as const,
      continueTo: null,
    });

    it('is found and taken by its browser alone, once', async () => {
      const [browser, other] = [newBrowser(), newBrowser()];
      await holdIdentity(database(), fixture.makeId, browser, identity('s1'), now());
      const found = present(await findPendingIdentity(database(), browser, now()), 'the identity');
      expect(found).toMatchObject(identity('s1'));
      expect(await findPendingIdentity(database(), other, now())).toBeUndefined();
      const consume = (by: BrowserSecret) =>
        database().transaction((tx) => consumePendingIdentity(tx, by, found.id, now()));
      expect(await consume(other)).toBeUndefined();
      const taken = await Promise.all(Array.from({ length: 20 }, () => consume(browser)));
      expect(taken.filter((one) => one !== undefined)).toHaveLength(1);
    });

    it('is replaced by a later one, and ends after twenty minutes', async () => {
      const browser = newBrowser();
      await holdIdentity(database(), fixture.makeId, browser, identity('s1'), now());
      await holdIdentity(database(), fixture.makeId, browser, identity('s2'), now());
      const found = present(await findPendingIdentity(database(), browser, now()), 'the identity');
      expect(found.subject).toBe('s2');
      fixture.time.advance(hourMs / 3);
      expect(await findPendingIdentity(database(), browser, now())).toBeUndefined();
      expect(
        await database().transaction((tx) => consumePendingIdentity(tx, browser, found.id, now())),
      ).toBeUndefined();
      fixture.time.advance(hourMs);
      expect(await deleteExpiredPendingIdentities(database(), now())).toBeGreaterThan(1);
    });

    it('is read with the secret of its browser, not with its hash', async () => {
      const [browser, other] = [newBrowser(), newBrowser()];
      await holdIdentity(database(), fixture.makeId, browser, identity('s1'), now());
      const forged = { secret: other.secret, hash: browser.hash };
      await expect(findPendingIdentity(database(), forged, now())).rejects.toThrow();
    });
  });
});
