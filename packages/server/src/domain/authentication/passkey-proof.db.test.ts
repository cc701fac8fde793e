import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AssertedPasskey, addPasskey, suspendPasskeys } from '#domain/passkeys/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { addSession, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  eventsOf,
  failedKinds,
  type GateFixture,
  mailsOf,
  openGateFixture,
  openTicketsOf,
  otherKinds,
  passwordProof,
  requester,
  sessionsOf,
} from '#test/support/gate-fixture.ts';
import { continueLogin, type LoginOptions, startLogin } from './decide.ts';
import type { Proof } from './proofs.ts';
import { stepUp } from './step-up.ts';

const byToken: LoginOptions = { transport: 'token', deviceToken: undefined };

describeOnBothDatabases('a proof by a passkey', (database) => {
  let fixture: GateFixture;
  let user: TestUser;
  let passkeyId: string;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
    passkeyId = await add(user);
  });

  const now = () => fixture.clock.now();

  /** Stores a passkey whose counter is 7. */
  async function add(of: TestUser, backupEligible = false): Promise<string> {
    const credential = {
      credentialId: randomBytes(16),
      publicKey: randomBytes(32),
      algorithm: -7,
      signCount: 7,
      backupEligible,
      backedUp: false,
      userVerified: true,
      aaguid: '00000000-0000-0000-0000-000000000000',
      transports: [],
    } as const;
    const stored = { userId: of.id, rpId: 'login.example', userHandle: randomBytes(32), name: 'A key', credential };
    const added = await database().transaction((tx) => addPasskey(tx, fixture.makeId, stored, now()));
    return present(added, 'the passkey').id;
  }

  /** An assertion that verified its user, with the next value of the counter. */
  function assert(over: Partial<AssertedPasskey> = {}, id = passkeyId, userId = user.id): Proof<'passkey'> {
    const challenge = { nonceHash: randomBytes(32), expiresAt: addSeconds(now(), 600) };
    const facts = { signCount: 8, backupEligible: false, backedUp: false, userVerified: true };
    return { by: 'passkey', userId, passkey: { id, userId, ...facts, challenge, ...over } };
  }

  const start = (proof: Proof<'passkey'>) => startLogin(fixture.gate, proof, byToken, requester);

  /** The ticket of a login by password. */
  async function begin(): Promise<string> {
    const result = await startLogin(fixture.gate, await passwordProof(fixture, user), byToken, requester);
    return result.kind === 'step_required' ? result.ticket.text : '';
  }

  const go = (ticket: string, proof: Proof<'passkey'>) =>
    continueLogin(fixture.gate, ticket, proof, { deviceToken: undefined }, requester);

  async function expectReportOfStuckCounter(): Promise<void> {
    expect((await eventsOf(fixture, user)).filter(({ action }) => action === 'passkey.counter_stuck')).toEqual([
      {
        action: 'passkey.counter_stuck',
        actor: { kind: 'anonymous' },
        facts: { passkeyId },
        sessionId: undefined,
        personal: clientInfoOf(requester),
      },
    ]);
    expect(await mailsOf(fixture, user)).toMatchObject([
      { template: 'passkey_counter_stuck', locale: 'en', identifierId: user.identifierId, params: {} },
    ]);
  }

  describe('that begins a login', () => {
    it('is two factors, and resets no counter', async () => {
      expect(await start(assert())).toMatchObject({ kind: 'done' });
      expect(await sessionsOf(fixture, user)).toMatchObject([
        { acr: 'phr', amr: ['hwk', 'user', 'mfa'], factorTimes: { passkey: now().toISOString() } },
      ]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds());
      expect(await eventsOf(fixture, user)).toMatchObject([{ action: 'login.succeeded', facts: { by: 'passkey' } }]);
    });

    it('needs no second factor, and can be synced to other devices', async () => {
      await addAuthenticator(fixture, user);
      await start(assert({ backupEligible: true }));
      expect(await sessionsOf(fixture, user)).toMatchObject([{ acr: 'phr', amr: ['swk', 'user', 'mfa'] }]);
    });

    it('is recorded when the passkey is synced since its last use, or no longer', async () => {
      passkeyId = await add(user, true);
      for (const [signCount, backedUp] of [
        [8, true],
        [9, true],
        [10, false],
      ] as const) {
        expect(await start(assert({ signCount, backedUp, backupEligible: true }))).toMatchObject({ kind: 'done' });
      }
      const events = (await eventsOf(fixture, user)).filter(({ action }) => action === 'passkey.backup_changed');
      const common = { actor: { kind: 'user', id: user.id }, sessionId: undefined, personal: clientInfoOf(requester) };
      const facts = [true, false].map((backedUp) => ({ passkeyId, backedUp }));
      expect(events).toEqual(facts.map((each) => ({ action: 'passkey.backup_changed', facts: each, ...common })));
    });

    it('records no change of a login that is rejected', async () => {
      passkeyId = await add(user, true);
      const rejected = assert({ signCount: 7, backedUp: true, backupEligible: true });
      await expect(start(rejected)).rejects.toMatchObject({ code: 'invalid_passkey' });
      const actions = (await eventsOf(fixture, user)).map(({ action }) => action);
      expect(actions).not.toContain('passkey.backup_changed');
    });

    it('does not begin one without verification of the user, also for a user of one factor', async () => {
      const proof = assert({ userVerified: false });
      await expect(start(proof)).rejects.toMatchObject({ code: 'invalid_passkey' });
      expect([await sessionsOf(fixture, user), await openTicketsOf(fixture, user)]).toEqual([[], 0]);
    });

    it('works once of twenty times at once', async () => {
      const proof = assert();
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => start(proof)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'invalid_passkey' });
      }
      expect(await sessionsOf(fixture, user)).toHaveLength(1);
      expect(await mailsOf(fixture, user)).toEqual([]);
    });

    it('works for one of two assertions with one counter at once: one of them is of a clone', async () => {
      const results = await Promise.allSettled([start(assert()), start(assert())]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      await expectReportOfStuckCounter();
    });

    it.each([6, 7, 0])('is rejected when its counter is %i after 7, and reported to the user', async (signCount) => {
      await expect(start(assert({ signCount }))).rejects.toMatchObject({
        code: 'invalid_passkey',
        log: 'the counter of the passkey did not grow',
      });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      await expectReportOfStuckCounter();
      expect(await start(assert())).toMatchObject({ kind: 'done' });
    });

    it('is rejected for the passkey of another user', async () => {
      const other = await addPasswordUser(fixture);
      const theirs = await add(other);
      await expect(start(assert({}, theirs))).rejects.toMatchObject({ code: 'invalid_passkey' });
      expect([await sessionsOf(fixture, user), await sessionsOf(fixture, other)]).toEqual([[], []]);
      expect(await mailsOf(fixture, other)).toEqual([]);
    });

    it('is rejected for a disabled user, and recorded', async () => {
      await database().transaction((tx) => fixture.users.changeStatus(tx, user.id, 'disabled'));
      await expect(start(assert())).rejects.toMatchObject({ code: 'account_disabled' });
      expect(await eventsOf(fixture, user)).toMatchObject([
        { action: 'login.refused', facts: { reason: 'account_disabled', by: 'passkey' } },
      ]);
    });

    it('is rejected while it is suspended, which leaves it a second factor', async () => {
      await addAuthenticator(fixture, user);
      await database().transaction((tx) => suspendPasskeys(tx, user.id, now()));
      await expect(start(assert())).rejects.toMatchObject({ code: 'invalid_passkey' });
      expect(await mailsOf(fixture, user)).toEqual([]);
      expect(await go(await begin(), assert())).toMatchObject({ kind: 'done' });
    });
  });

  describe('that continues a login by password', () => {
    beforeEach(async () => {
      await addAuthenticator(fixture, user);
    });

    it('is the second factor, also without verification of the user', async () => {
      const beganAt = now();
      const ticket = await begin();
      fixture.time.advance(60_000);
      await go(ticket, assert({ userVerified: false }));
      const factorTimes = { pwd: beganAt.toISOString(), passkey: now().toISOString() };
      expect(await sessionsOf(fixture, user)).toMatchObject([{ acr: 'phr', amr: ['pwd', 'hwk', 'mfa'], factorTimes }]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds('password'));
    });

    it('leaves the ticket usable when its counter did not grow', async () => {
      const ticket = await begin();
      await expect(go(ticket, assert({ signCount: 7 }))).rejects.toMatchObject({ code: 'invalid_passkey' });
      await expectReportOfStuckCounter();
      expect(await go(ticket, assert())).toMatchObject({ kind: 'done' });
    });

    it('does not continue the login of another user', async () => {
      const other = await addPasswordUser(fixture);
      const theirs = assert({}, await add(other), other.id);
      const ticket = await begin();
      await expect(go(ticket, theirs)).rejects.toMatchObject({ code: 'invalid_ticket' });
      expect([await sessionsOf(fixture, user), await sessionsOf(fixture, other)]).toEqual([[], []]);
      expect(await start(theirs)).toMatchObject({ kind: 'done' });
    });
  });

  describe('that a session presents', () => {
    let sessionId: string;

    beforeEach(async () => {
      ({ sessionId } = await addSession(fixture, user, 'token'));
    });

    const prove = (proof: Proof<'passkey'>) => stepUp(fixture.gate, { userId: user.id, sessionId }, proof, requester);
    const activeIds = async () =>
      (await sessionsOf(fixture, user)).flatMap(({ id, endReason }) => (endReason === null ? [id] : []));

    it('renews it', async () => {
      const issued = await prove(assert());
      expect((await sessionsOf(fixture, user)).at(-1)).toMatchObject({
        id: issued.sessionId,
        acr: 'phr',
        amr: ['pwd', 'hwk', 'user', 'mfa'],
      });
      expect(await failedKinds(fixture, user)).toEqual(otherKinds());
    });

    it('renews it also while it is suspended as a first factor', async () => {
      await database().transaction((tx) => suspendPasskeys(tx, user.id, now()));
      expect(await prove(assert())).toMatchObject({ userId: user.id });
    });

    it('leaves it as it was when its counter did not grow', async () => {
      await expect(prove(assert({ signCount: 7 }))).rejects.toMatchObject({ code: 'invalid_passkey' });
      await expectReportOfStuckCounter();
      expect(await activeIds()).toEqual([sessionId]);
    });
  });
});
