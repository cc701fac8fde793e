import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recoveryCodeHashes, useRecoveryCode } from '#domain/recovery-codes/index.ts';
import { addPendingTotp, deleteTotp, sealTotpSecret } from '#domain/totp/index.ts';
import { newTotpSecret } from '#protocol/totp/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addSession, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  addRecoveryCodes,
  countFailures,
  failuresOf,
  type GateFixture,
  openGateFixture,
  passwordProof,
  requester,
  sessionsOf,
  type TestAuthenticator,
} from '#test/support/gate-fixture.ts';
import { codeNow } from '#test/support/second-factors.ts';
import { compareSecondFactor, type TypedSecondFactor } from './compare-second-factor.ts';
import { startLogin } from './decide.ts';
import { reserveSecondFactor, reserveSecondFactorOfUser } from './second-factor-guess.ts';

const unknownTicket = `lk_lt_${'A'.repeat(49)}`;

describeOnBothDatabases('a guess at a second factor', (database) => {
  let fixture: GateFixture;
  let user: TestUser;
  let app: TestAuthenticator;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
    await countFailures(fixture, user, 'second_factor', 0);
    await countFailures(fixture, user, 'second_factor_known_device', 0);
  });

  const now = () => fixture.clock.now();

  async function begin(): Promise<string> {
    const options = { transport: 'token', deviceToken: undefined } as const;
    const result = await startLogin(fixture.gate, await passwordProof(fixture, user), options, requester);
    if (result.kind !== 'step_required') throw new Error('the login needs no further step');
    return result.ticket.text;
  }

  const guess = (ticket: string, deviceId?: string) => reserveSecondFactor(database(), { ticket, deviceId }, now());
  const guessInSession = (userId = user.id) => reserveSecondFactorOfUser(database(), userId, now());
  const unknown = () => failuresOf(fixture, user, 'second_factor');
  const known = () => failuresOf(fixture, user, 'second_factor_known_device');

  describe('in a login', () => {
    beforeEach(async () => {
      app = await addAuthenticator(fixture, user);
    });

    it('is counted for the user, over all tickets, and returns what it is compared with', async () => {
      const tickets = [await begin(), await begin(), await begin()];
      for (const [index, ticket] of tickets.entries()) {
        expect(await guess(ticket)).toMatchObject({
          userId: user.id,
          wrapped: user.wrappedKey,
          number: index + 1,
          fromKnownDevice: false,
          totp: { secretId: app.secretId, sealed: expect.any(Buffer) },
        });
      }
      expect(await unknown()).toBe(3);
      await expect(guess(await begin())).rejects.toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 15 });
      expect([await unknown(), await known()]).toEqual([3, 0]);
    });

    it('is delayed by 15 seconds and then by twice as long, and never after thirty', async () => {
      const ticket = await begin();
      for (let count = 0; count < 3; count += 1) await guess(ticket);
      fixture.time.advance(14_999);
      await expect(guess(ticket)).rejects.toMatchObject({ retryAfterSeconds: 1 });
      fixture.time.advance(1);
      expect(await guess(ticket)).toMatchObject({ number: 4 });
      await expect(guess(ticket)).rejects.toMatchObject({ retryAfterSeconds: 30 });
      await countFailures(fixture, user, 'second_factor', 30);
      fixture.time.advance(300_000);
      await expect(guess(ticket)).rejects.toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 86_400 });
    });

    it('is reserved three times of twenty at once', async () => {
      const ticket = await begin();
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => guess(ticket)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
      expect(await unknown()).toBe(3);
    });

    it('from a known device has a counter of its own, which no other device exhausts', async () => {
      const ticket = await begin();
      const deviceId = await knownDevice();
      await countFailures(fixture, user, 'second_factor', 30);
      expect(await guess(ticket, deviceId)).toMatchObject({ number: 1, fromKnownDevice: true });
      expect([await unknown(), await known()]).toEqual([30, 1]);
    });

    it('from a device of another user or an expired one counts as from an unknown one', async () => {
      const ticket = await begin();
      const mine = await knownDevice();
      const other = await addPasswordUser(fixture);
      await addSession(fixture, other, 'token');
      const [theirs] = await sessionsOf(fixture, other);
      expect(await guess(ticket, theirs?.deviceId ?? '')).toMatchObject({ number: 1, fromKnownDevice: false });
      fixture.time.advance(180 * 24 * 3600 * 1000);
      expect(await guess(await begin(), mine)).toMatchObject({ number: 2, fromKnownDevice: false });
      expect(await known()).toBe(0);
    });

    it('is neither counted nor delayed without a usable ticket', async () => {
      const expired = await begin();
      fixture.time.advance(600_000);
      const stale = await begin();
      await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
      for (const ticket of [expired, stale, unknownTicket]) {
        await expect(guess(ticket)).rejects.toMatchObject({ code: 'invalid_ticket' });
      }
      const disabled = await begin();
      await database().transaction((tx) => fixture.users.changeStatus(tx, user.id, 'disabled'));
      await expect(guess(disabled)).rejects.toMatchObject({ code: 'invalid_ticket' });
      expect(await unknown()).toBe(0);
    });

    it('counts no guess for text that is no ticket', async () => {
      for (const text of ['', 'lk_lt_', `lk_ot_${'A'.repeat(49)}`, '\u0000']) {
        await expect(guess(text)).rejects.toMatchObject({ code: 'invalid_ticket' });
      }
      expect(await unknown()).toBe(0);
    });

    it('never sees a secret that is not confirmed', async () => {
      const ticket = await begin();
      const id = fixture.makeId();
      const sealedSecret = sealTotpSecret(user.key, id, newTotpSecret());
      await addPendingTotp(database(), { id, userId: user.id, sealedSecret, now: now() });
      expect((await guess(ticket)).totp?.secretId).toBe(app.secretId);
      await database().transaction((tx) => deleteTotp(tx, user.id));
      expect((await guess(ticket)).totp).toBeUndefined();
      expect((await guessInSession()).totp).toBeUndefined();
    });
  });

  describe('in a session', () => {
    it('is counted as from a known device, so that no login exhausts it', async () => {
      app = await addAuthenticator(fixture, user);
      await countFailures(fixture, user, 'second_factor', 30);
      expect(await guessInSession()).toMatchObject({
        userId: user.id,
        wrapped: user.wrappedKey,
        number: 1,
        totp: { secretId: app.secretId },
      });
      expect([await unknown(), await known()]).toEqual([30, 1]);
      await countFailures(fixture, user, 'second_factor_known_device', 3);
      await expect(guessInSession()).rejects.toMatchObject({ code: 'too_many_requests', retryAfterSeconds: 15 });
    });

    it('is not counted for a user who is disabled or gone', async () => {
      await expect(guessInSession(fixture.makeId())).rejects.toMatchObject({ code: 'not_authenticated' });
      await database().transaction((tx) => fixture.users.changeStatus(tx, user.id, 'disabled'));
      await expect(guessInSession()).rejects.toMatchObject({ code: 'not_authenticated' });
      expect(await known()).toBe(0);
    });
  });

  describe('is compared', () => {
    beforeEach(async () => {
      app = await addAuthenticator(fixture, user);
    });

    const compare = async (typed: TypedSecondFactor) =>
      compareSecondFactor(fixture.keys, await guessInSession(), typed, now());

    it('with the secret of the app, and names the step of the code', async () => {
      const step = Math.floor(now().getTime() / 30_000);
      const proof = await compare({ kind: 'totp', code: codeNow(fixture, app.text) });
      expect(proof).toEqual({ by: 'totp', userId: user.id, secretId: app.secretId, step });
      expect(await compare({ kind: 'totp', code: codeNow(fixture, app.text, 5) })).toBeUndefined();
    });

    it('with the secret of its own user only', async () => {
      const other = await addPasswordUser(fixture);
      const theirs = await addAuthenticator(fixture, other);
      expect(await compare({ kind: 'totp', code: codeNow(fixture, theirs.text) })).toBeUndefined();
      const { totp } = await guessInSession(other.id);
      const mixed = { ...(await guessInSession()), totp };
      const code = codeNow(fixture, theirs.text);
      expect(() => compareSecondFactor(fixture.keys, mixed, { kind: 'totp', code }, now())).toThrow();
    });

    it('with nothing for a user without an app', async () => {
      const code = codeNow(fixture, app.text);
      await database().transaction((tx) => deleteTotp(tx, user.id));
      expect(await compare({ kind: 'totp', code })).toBeUndefined();
    });

    it('with the recovery codes only when it is consumed, for its own user', async () => {
      const [code = ''] = await addRecoveryCodes(fixture, user);
      const typed = { kind: 'recovery_code', code: code.toLowerCase() } as const;
      const hashes = recoveryCodeHashes(fixture.keys, user.id, code);
      expect(await compare(typed)).toEqual({ by: 'recovery_code', userId: user.id, hashes });
      expect(await compare({ ...typed, code: 'no code' })).toBeUndefined();
      const other = await addPasswordUser(fixture);
      const theirs = { userId: other.id, hashes: hashes ?? [] };
      expect(await database().transaction((tx) => useRecoveryCode(tx, theirs, now()))).toBe(false);
    });

    it('as the kind that was typed: a code of the app is no recovery code', async () => {
      await addRecoveryCodes(fixture, user);
      expect(await compare({ kind: 'recovery_code', code: codeNow(fixture, app.text) })).toBeUndefined();
    });
  });

  /** A device that the user has logged in from, before two factors were on. */
  async function knownDevice(): Promise<string> {
    await database().transaction((tx) => fixture.users.setMfa(tx, user.id, false));
    await addSession(fixture, user, 'token');
    await database().transaction((tx) => fixture.users.setMfa(tx, user.id, true));
    const [session] = await sessionsOf(fixture, user);
    return session?.deviceId ?? '';
  }
});
