import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { openKeys, spreadSeconds } from '#platform/keys/index.ts';
import type { ChallengeContext } from '#protocol/webauthn/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addUser, type DomainFixture, openDomainFixture, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addRegisteredPasskey,
  assertionOf,
  type RegisteredPasskey,
  registerKey,
  settings,
} from '#test/support/passkey-ceremonies.ts';
import { type ClientCeremony, createCredential, flagBits } from '#test/webauthn/authenticator.ts';
import {
  type AssertedPasskey,
  addPasskey,
  assertionOptions,
  changePasskey,
  consumeAssertion,
  deletePasskey,
  deletePasskeys,
  listPasskeys,
  maxPasskeys,
  otherRpId,
  type PasskeySettings,
  StuckCounter,
  suspendPasskeys,
  verifyPasskey,
} from './index.ts';

const { up, uv, be, bs } = flagBits;
const challengeLifetimeMs = 600_000;
const login: ChallengeContext = { purpose: 'login', binding: Buffer.from('a browser') };
const secondFactor: ChallengeContext = { purpose: 'second_factor', binding: Buffer.from('a ticket') };

describeOnBothDatabases('passkeys', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const now = () => fixture.clock.now();
  const list = (of = user) => listPasskeys(database(), of.id);
  const options = (context: ChallengeContext, allowed?: RegisteredPasskey, passkeys = settings) =>
    assertionOptions({ keys: fixture.keys, passkeys }, { context, allowed: allowed && [allowed.passkey], now: now() });
  const verify = (
    response: Parameters<typeof verifyPasskey>[1],
    context = login,
    expectedUserId?: string,
    passkeys: PasskeySettings = settings,
  ) => verifyPasskey({ ...fixture, passkeys }, response, { context, expectedUserId, now: now() });

  describe('a registration', () => {
    it('stores the key under one random handle of the user, and excludes it from the next one', async () => {
      const first = await addRegisteredPasskey(fixture, user);
      const second = await addRegisteredPasskey(fixture, user, { ceremony: { flags: up | uv | be | bs } });
      const other = await addRegisteredPasskey(fixture, await addUser(fixture));
      expect(second.passkey.userHandle).toEqual(first.passkey.userHandle);
      expect(other.passkey.userHandle).not.toEqual(first.passkey.userHandle);
      expect(first.passkey.userHandle.toString('latin1')).not.toContain(user.id);
      expect(await list()).toEqual([first.passkey, second.passkey]);
      expect([first.passkey.backupEligible, second.passkey.backupEligible, second.passkey.backedUp]).toEqual([
        false,
        true,
        true,
      ]);
    });

    it('is rejected in another session, for another user, and after ten minutes', async () => {
      const other = await addUser(fixture);
      const late = addSeconds(now(), challengeLifetimeMs / 1000);
      for (const sentBy of [{ boundTo: 'another' }, { userId: other.id }, { now: late }]) {
        await expect(registerKey(fixture, user, { sentBy })).rejects.toMatchObject({ code: 'invalid_passkey' });
      }
    });

    it('requires verification of the user for a passkey, and none for a security key', async () => {
      const ceremony = { flags: up };
      await expect(registerKey(fixture, user, { ceremony })).rejects.toMatchObject({
        code: 'invalid_passkey',
        log: 'the registration was rejected: user_verification',
      });
      const { passkey } = await addRegisteredPasskey(fixture, user, { kind: 'security_key', ceremony });
      expect(passkey.verifiesUser).toBe(false);
    });

    it('stores a key that can be synced only where those are allowed', async () => {
      const passkeys = { ...settings, accepted: 'device_bound' } as const;
      const ceremony = { flags: up | uv | be };
      await expect(registerKey(fixture, user, { passkeys, ceremony })).rejects.toMatchObject({
        code: 'passkey_not_allowed',
      });
      expect((await registerKey(fixture, user, { passkeys })).credential.backupEligible).toBe(false);
    });

    it('continues after a rotation of its key, with the same handle', async () => {
      const before = await registerKey(fixture, await addUser(fixture));
      const rotating = await openKeys(fixture);
      const first = await addRegisteredPasskey(fixture, user);
      await rotating.rotateDataKey('ceremony');
      fixture.time.advance(2 * spreadSeconds * 1000);
      const rotated = { ...fixture, keys: await openKeys(fixture) };
      const second = await addRegisteredPasskey(rotated, user);
      expect(second.passkey.userHandle).toEqual(first.passkey.userHandle);
      expect(before.userHandle).toHaveLength(32);
    });

    it('ends at twenty keys', async () => {
      for (let count = 0; count < maxPasskeys; count += 1) await addRegisteredPasskey(fixture, user);
      await expect(registerKey(fixture, user)).rejects.toMatchObject({ code: 'too_many_passkeys' });
    });

    it('of one credential happens once, for any user', async () => {
      const credential = createCredential(-7);
      await addRegisteredPasskey(fixture, user, { credential });
      const other = await addUser(fixture);
      const { credential: again, userHandle } = await registerKey(fixture, other, { credential });
      const stored = { userId: other.id, rpId: 'login.example', userHandle, name: 'Stolen', credential: again };
      expect(await database().transaction((tx) => addPasskey(tx, fixture.makeId, stored, now()))).toBeUndefined();
      expect(await list(other)).toEqual([]);
    });
  });

  describe('options', () => {
    it('of a first factor depend on no user, and require verification', async () => {
      await addRegisteredPasskey(fixture, user);
      expect(options(login)).toMatchObject({
        rpId: 'login.example',
        allowCredentials: [],
        userVerification: 'required',
      });
    });

    it('of a second factor name the keys of this RP ID, and require no verification', async () => {
      const owned = await addRegisteredPasskey(fixture, user);
      const id = owned.passkey.credentialId.toString('base64url');
      expect(options(secondFactor, owned)).toMatchObject({ allowCredentials: [{ id }], userVerification: 'preferred' });
      const moved = { ...settings, rpId: 'elsewhere.example' };
      expect(() => options(secondFactor, owned, moved)).toThrow(expect.objectContaining({ code: 'passkey_not_found' }));
    });

    it.each([
      { ...settings, accepted: 'off' },
      { ...settings, rpId: undefined },
    ] as const)('do not exist, and nothing is verified, where passkeys are unavailable: %j', async (passkeys) => {
      const owned = await addRegisteredPasskey(fixture, user);
      const unavailable = { code: 'passkeys_unavailable' };
      expect(() => options(login, undefined, passkeys)).toThrow(expect.objectContaining(unavailable));
      await expect(registerKey(fixture, user, { passkeys })).rejects.toMatchObject(unavailable);
      const response = assertionOf(owned, options(login).challenge);
      await expect(verify(response, login, undefined, passkeys)).rejects.toMatchObject(unavailable);
    });
  });

  describe('an assertion', () => {
    let owned: RegisteredPasskey;

    beforeEach(async () => {
      owned = await addRegisteredPasskey(fixture, user);
    });

    const asserted = (over: Partial<ClientCeremony> = {}, handle?: Uint8Array) =>
      assertionOf(owned, options(login).challenge, over, handle);

    it('names its user by the handle, and has the facts that the authenticator signed', async () => {
      expect(await verify(asserted())).toEqual({
        kind: 'ok',
        passkey: {
          id: owned.passkey.id,
          userId: user.id,
          signCount: 2,
          backupEligible: false,
          backedUp: false,
          userVerified: true,
          challenge: { nonceHash: expect.any(Buffer), expiresAt: addSeconds(now(), challengeLifetimeMs / 1000) },
        },
      });
    });

    it.each<[string, Partial<ClientCeremony>, string]>([
      ['without verification of the user', { flags: up }, 'user_verification'],
      ['without presence of the user', { flags: uv }, 'user_presence'],
      ['from a key that can be synced now', { flags: up | uv | be }, 'backup_eligibility'],
      ['for another RP ID', { rpId: 'evil.example' }, 'rp_id'],
    ])('%s is rejected for its user', async (_, over, reason) => {
      expect(await verify(asserted(over))).toEqual({ kind: 'invalid', reason, userId: user.id });
    });

    it('of another origin, purpose, browser or time names nobody', async () => {
      const outcomes = [
        await verify(asserted({ origin: 'https://evil.example' })),
        await verify(assertionOf(owned, options(secondFactor, owned).challenge)),
        await verify(assertionOf(owned, options({ ...login, binding: Buffer.from('another') }).challenge)),
      ];
      const response = asserted();
      fixture.time.advance(challengeLifetimeMs);
      outcomes.push(await verify(response));
      for (const outcome of outcomes) expect(outcome).toMatchObject({ kind: 'invalid', userId: undefined });
    });

    it('needs the handle of its user as a first factor, and not as a second one', async () => {
      const other = await addRegisteredPasskey(fixture, await addUser(fixture));
      for (const handle of [Buffer.alloc(0), other.passkey.userHandle]) {
        expect((await verify(asserted({}, handle))).kind).toBe('invalid');
      }
      const { challenge } = options(secondFactor, owned);
      const response = assertionOf(owned, challenge, { flags: up });
      const { userHandle: _, ...withoutHandle } = response.response;
      expect(await verify({ ...response, response: withoutHandle }, secondFactor, user.id)).toMatchObject({
        kind: 'ok',
        passkey: { userVerified: false },
      });
    });

    it('signed by another key is rejected', async () => {
      const forged = { ...owned, credential: { ...createCredential(-7), credentialId: owned.credential.credentialId } };
      const response = assertionOf(forged, options(login).challenge);
      expect(await verify(response)).toEqual({ kind: 'invalid', reason: 'signature', userId: user.id });
    });

    it('of an unknown key, or of the key of another user, is unknown', async () => {
      const unknown = { ...owned, credential: createCredential(-7) };
      expect(await verify(assertionOf(unknown, options(login).challenge))).toEqual({ kind: 'unknown' });
      const other = await addUser(fixture);
      const response = assertionOf(owned, options(secondFactor, owned).challenge);
      expect(await verify(response, secondFactor, other.id)).toEqual({ kind: 'unknown' });
    });

    it('verifies its user only when the registration did: a PIN can be set on a found key', async () => {
      const key = { kind: 'security_key', ceremony: { flags: up } } as const;
      const found = await addRegisteredPasskey(fixture, user, key);
      const response = assertionOf(found, options(secondFactor, found).challenge, { flags: up | uv });
      const outcome = await verify(response, secondFactor, user.id);
      expect(outcome).toMatchObject({ kind: 'ok', passkey: { userVerified: false } });
    });
  });

  describe('the use of an assertion', () => {
    let owned: RegisteredPasskey;

    beforeEach(async () => {
      owned = await addRegisteredPasskey(fixture, user);
    });

    async function assert(signCount: number, flags = up | uv): Promise<AssertedPasskey> {
      const outcome = await verify(assertionOf(owned, options(login).challenge, { signCount, flags }));
      if (outcome.kind !== 'ok') throw new Error('the assertion was rejected');
      return outcome.passkey;
    }

    const backupChanges: unknown[] = [];
    const onBackupChange = async (change: object) => {
      backupChanges.push(change);
    };
    beforeEach(() => {
      backupChanges.length = 0;
    });

    const use = (asserted: AssertedPasskey, isFirst = true) =>
      database().transaction((tx) => consumeAssertion(tx, asserted, { isFirst, now: now(), onBackupChange }));

    it('happens once of twenty times at once', async () => {
      const asserted = await assert(2);
      const results = await Promise.all(Array.from({ length: 20 }, () => use(asserted)));
      expect(results.filter(Boolean)).toHaveLength(1);
    });

    it('happens again when its effect was rolled back', async () => {
      const asserted = await assert(2);
      const failed = database().transaction(async (tx) => {
        await consumeAssertion(tx, asserted, { isFirst: true, now: now(), onBackupChange });
        throw new Error('the effect failed');
      });
      await expect(failed).rejects.toThrow('the effect failed');
      expect(await use(asserted)).toBe(true);
    });

    it('stores the counter, the backup and the time', async () => {
      const synced = up | uv | be;
      owned = await addRegisteredPasskey(fixture, user, { ceremony: { flags: synced } });
      fixture.time.advance(1000);
      expect(await use(await assert(2, synced | bs))).toBe(true);
      expect((await list()).at(-1)).toMatchObject({ lastUsedAt: now(), backedUp: true });
      for (const signCount of [2, 1, 0]) {
        await expect(use(await assert(signCount, synced))).rejects.toBeInstanceOf(StuckCounter);
      }
      expect(await use(await assert(3, synced))).toBe(true);
      expect((await list()).at(-1)?.backedUp).toBe(false);
    });

    it('reports each change of the backup once, also of two uses at once', async () => {
      const synced = up | uv | be;
      owned = await addRegisteredPasskey(fixture, user, { ceremony: { flags: synced, signCount: 0 } });
      const [passkeyId, backedUp] = [owned.passkey.id, true];
      await use(await assert(0, synced));
      expect(backupChanges).toEqual([]);
      const both = [await assert(0, synced | bs), await assert(0, synced | bs)];
      expect(await Promise.all(both.map((asserted) => use(asserted)))).toEqual([true, true]);
      expect(backupChanges).toEqual([{ passkeyId, backedUp }]);
      await use(await assert(0, synced));
      expect(backupChanges).toEqual([
        { passkeyId, backedUp },
        { passkeyId, backedUp: false },
      ]);
    });

    it('accepts a counter that stays zero, as synced keys have', async () => {
      owned = await addRegisteredPasskey(fixture, user, { ceremony: { signCount: 0 } });
      expect([await use(await assert(0)), await use(await assert(0))]).toEqual([true, true]);
    });

    it('fails for a key that was removed meanwhile, or is named under another user', async () => {
      const asserted = await assert(2);
      expect(await use({ ...asserted, userId: (await addUser(fixture)).id })).toBe(false);
      const again = await assert(2);
      expect(await database().transaction((tx) => deletePasskey(tx, asserted.id, user.id))).toBe(true);
      expect(await use(again)).toBe(false);
    });

    it('by a suspended key is none as a first factor', async () => {
      expect(await database().transaction((tx) => suspendPasskeys(tx, user.id, now()))).toBe(1);
      expect(await use(await assert(2))).toBe(false);
      expect(await use(await assert(2), false)).toBe(true);
      const resumed = { name: undefined, resume: true };
      await database().transaction((tx) => changePasskey(tx, { id: owned.passkey.id, userId: user.id }, resumed));
      expect(await use(await assert(3))).toBe(true);
    });
  });

  describe('a stored key', () => {
    it('is changed and removed by its user only', async () => {
      const { passkey } = await addRegisteredPasskey(fixture, user);
      const other = await addUser(fixture);
      const change = { name: 'Mine', resume: true };
      const { id } = passkey;
      expect(await changePasskey(database(), { id, userId: other.id }, change)).toBeUndefined();
      expect(await database().transaction((tx) => deletePasskey(tx, id, other.id))).toBe(false);
      expect(await list()).toEqual([passkey]);
      expect(await changePasskey(database(), { id, userId: user.id }, change)).toMatchObject({ name: 'Mine' });
      expect(await database().transaction((tx) => deletePasskey(tx, id, user.id))).toBe(true);
      expect(await list()).toEqual([]);
    });

    it('stays suspended when it is renamed, and is suspended once', async () => {
      const { passkey } = await addRegisteredPasskey(fixture, user);
      const key = { id: passkey.id, userId: user.id };
      const suspendedAt = now();
      await database().transaction((tx) => suspendPasskeys(tx, user.id, suspendedAt));
      fixture.time.advance(1000);
      expect(await database().transaction((tx) => suspendPasskeys(tx, user.id, now()))).toBe(0);
      const renamed = await changePasskey(database(), key, { name: 'Renamed', resume: false });
      expect(renamed).toMatchObject({ name: 'Renamed', suspendedAt });
      const resumed = await changePasskey(database(), key, { name: undefined, resume: true });
      expect(resumed).toMatchObject({ name: 'Renamed', suspendedAt: null });
    });

    it('is removed with all that were added after a time, of its user only', async () => {
      const old = await addRegisteredPasskey(fixture, user);
      const other = await addUser(fixture);
      const since = now();
      fixture.time.advance(1000);
      await addRegisteredPasskey(fixture, user);
      await addRegisteredPasskey(fixture, other);
      const remove = (after?: Date) => database().transaction((tx) => deletePasskeys(tx, user.id, after));
      expect(await remove(since)).toBe(true);
      expect(await list()).toEqual([old.passkey]);
      expect([await remove(), await remove()]).toEqual([true, false]);
      expect(await list(other)).toHaveLength(1);
    });

    it('of another RP ID is found', async () => {
      await addRegisteredPasskey(fixture, user);
      expect(await otherRpId(database(), 'login.example')).toBeUndefined();
      for (const rpId of ['a.example', 'z.example']) {
        expect(present(await otherRpId(database(), rpId), 'the RP ID')).toBe('login.example');
      }
    });
  });
});
