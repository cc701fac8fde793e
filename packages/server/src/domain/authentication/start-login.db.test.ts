import { randomBytes } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { passwordAssociatedData } from '#domain/passwords/index.ts';
import { eraseUser, scheduleDeletion } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement } from '#platform/database/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import { addSession, type TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  addRecoveryCodes,
  eventsOf,
  failedKinds,
  type GateFixture,
  mailedProof,
  mailsOf,
  openGateFixture,
  openTicketsOf,
  otherKinds,
  passwordProof,
  requester,
  sessionsOf,
} from '#test/support/gate-fixture.ts';
import { recordRejectedLogin } from './complete.ts';
import { type FirstProof, type LoginOptions, startLogin } from './decide.ts';
import { findTicket } from './tickets.ts';

const setVerified = statement('start_login_test.set_verified', {
  lane: 'pool',
  sql: `update identifiers set verified_at = :at where user_id = :userId`,
  params: { userId: 'uuid', at: 'timestamptz?' },
  columns: {},
});

const storedPassword = statement('start_login_test.stored_password', {
  lane: 'pool',
  sql: `select sealed_phc from passwords where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { sealedPhc: 'bytea' },
});

const latestEvent = statement('start_login_test.latest_event', {
  lane: 'pool',
  sql: `select user_id, body from audit_events where at = :at and user_id is null`,
  params: { at: 'timestamptz' },
  columns: { userId: 'uuid?', body: 'bytea' },
});

const insertUses = statement('start_login_test.insert_uses', {
  lane: 'pool',
  sql: 'insert into rate_limit_counters (key, hits, ends_at) values (:key, 3, :endsAt)',
  params: { key: 'bytea', endsAt: 'timestamptz' },
  columns: {},
});

const readUses = statement('start_login_test.read_uses', {
  lane: 'pool',
  sql: 'select hits from rate_limit_counters where key = any (:keys::bytea[])',
  params: { keys: 'bytea[]' },
  columns: { hits: 'int4' },
});

const byToken: LoginOptions = { transport: 'token', deviceToken: undefined };
const personal = clientInfoOf(requester);

describeOnBothDatabases('a login by its first proof', (database) => {
  let fixture: GateFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
  });

  const now = () => fixture.clock.now();
  const start = (proof: FirstProof, options = byToken) => startLogin(fixture.gate, proof, options, requester);
  const logIn = async (options = byToken) => start(await passwordProof(fixture, user), options);
  const endDeletionAt = (deletesAt: Date) =>
    database().transaction((tx) => scheduleDeletion(tx, { userId: user.id, deletesAt, now: now() }));
  const disable = () => database().transaction((tx) => fixture.users.changeStatus(tx, user.id, 'disabled'));

  const expectNothingWritten = async (action: 'login.failed' | 'login.refused', by: string, reason: string) => {
    expect(await sessionsOf(fixture, user)).toEqual([]);
    expect(await openTicketsOf(fixture, user)).toBe(0);
    expect(await failedKinds(fixture, user)).toEqual(otherKinds());
    const event = { action, actor: { kind: 'anonymous' }, facts: { reason, by }, sessionId: undefined, personal };
    expect(await eventsOf(fixture, user)).toEqual([event]);
  };

  describe('by a password', () => {
    it('writes a session of one factor, whose times are now', async () => {
      const result = await logIn();
      const [session, ...others] = await sessionsOf(fixture, user);
      expect(others).toEqual([]);
      expect(result).toMatchObject({ kind: 'done', issued: { userId: user.id, sessionId: session?.id } });
      expect(session).toMatchObject({
        acr: '1',
        amr: ['pwd'],
        authTime: now(),
        factorTimes: { pwd: now().toISOString() },
        transport: 'token',
        hasCookie: false,
        authEpoch: 1,
        endReason: null,
      });
    });

    it('issues a cookie or tokens, as the client requests', async () => {
      expect(await logIn()).toMatchObject({ issued: { tokens: expect.anything(), sessionToken: undefined } });
      const byCookie = await logIn({ ...byToken, transport: 'cookie' });
      expect(byCookie).toMatchObject({ issued: { tokens: undefined, sessionToken: expect.any(String) } });
      expect((await sessionsOf(fixture, user)).map(({ hasCookie }) => hasCookie)).toEqual([false, true]);
    });

    it('records who logged in and by which proof, with encrypted client data', async () => {
      await logIn();
      const [session] = await sessionsOf(fixture, user);
      expect(await eventsOf(fixture, user)).toEqual([
        {
          action: 'login.succeeded',
          actor: { kind: 'user', id: user.id },
          facts: { amr: ['pwd'], by: 'password' },
          sessionId: session?.id,
          personal,
        },
      ]);
    });

    it('resets the counter of its own kind and device only', async () => {
      await logIn();
      expect(await failedKinds(fixture, user)).toEqual(otherKinds('password'));
      const [session] = await sessionsOf(fixture, user);
      await start(await passwordProof(fixture, user, { deviceId: session?.deviceId ?? '' }));
      expect(await failedKinds(fixture, user)).toEqual(otherKinds('password', 'password_known_device'));
    });

    it('continues a known device, and mails a notice only of an unknown one', async () => {
      await logIn();
      expect(await mailsOf(fixture, user)).toEqual([]);
      const [first] = await sessionsOf(fixture, user);
      await start(await passwordProof(fixture, user, { deviceId: first?.deviceId ?? '' }));
      expect(await mailsOf(fixture, user)).toEqual([]);
      await logIn();
      const devices = (await sessionsOf(fixture, user)).map(({ deviceId }) => deviceId);
      expect(devices[1]).toBe(devices[0]);
      expect(devices[2]).not.toBe(devices[0]);
      const device = { device: 'Firefox on Linux', browser: 'Firefox', os: 'Linux' };
      const params = { ...device, address: requester.address, time: now().toISOString() };
      const mail = { template: 'new_device', locale: 'en', identifierId: user.identifierId, params };
      expect(await mailsOf(fixture, user)).toEqual([mail]);
    });

    it('is rejected as a wrong password when the user changed after it was compared', async () => {
      const proof = await passwordProof(fixture, user);
      await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
      await expect(start(proof)).rejects.toMatchObject({
        code: 'invalid_credentials',
        log: 'the user changed during the login',
      });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds());
    });

    it('gets no ticket either when the user changed after it was compared', async () => {
      await addAuthenticator(fixture, user);
      const proof = await passwordProof(fixture, user);
      await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
      await expect(start(proof)).rejects.toMatchObject({ code: 'invalid_credentials' });
      expect(await openTicketsOf(fixture, user)).toBe(0);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds());
    });

    it('stores a rehash in place of the hash that it was computed from, and only of that', async () => {
      const { sealedPhc: of = Buffer.alloc(0) } = (await database().row(storedPassword, { userId: user.id })) ?? {};
      const sealed = fixture.keys.seal('password', 'a newer hash', passwordAssociatedData(user.id));
      const stale = await passwordProof(fixture, user, { rehash: { sealed, of: Buffer.from('an earlier one') } });
      await start(stale);
      expect(await database().row(storedPassword, { userId: user.id })).toEqual({ sealedPhc: of });
      const proof = await passwordProof(fixture, user, { rehash: { sealed, of } });
      await start(proof);
      expect(await database().row(storedPassword, { userId: user.id })).toEqual({ sealedPhc: sealed });
      expect(proof.rehashes()).toBe(1);
    });

    it('gives back the use of the rate limit with the session, and only with it', async () => {
      const [perIdentifier, perAddress] = [randomBytes(16), randomBytes(16)];
      const endsAt = addSeconds(now(), 60);
      for (const key of [perIdentifier, perAddress]) await database().run(insertUses, { key, endsAt });
      const uses = async () =>
        (await database().rows(readUses, { keys: [perIdentifier, perAddress] })).map(({ hits }) => hits);
      const refund = { refundPerIdentifierKey: perIdentifier, refundPerAddressKey: perAddress, refundedAt: now() };
      await start(await passwordProof(fixture, user, { refund }));
      expect(await uses()).toEqual([2, 2]);
      const stale = await passwordProof(fixture, user, { refund });
      await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
      await expect(start(stale)).rejects.toMatchObject({ code: 'invalid_credentials' });
      await addAuthenticator(fixture, user);
      await start(await passwordProof(fixture, user, { refund }));
      expect(await uses()).toEqual([2, 2]);
    });

    it('computes no rehash for a login that gets no session', async () => {
      await addAuthenticator(fixture, user);
      const proof = await passwordProof(fixture, user);
      await start(proof);
      expect(proof.rehashes()).toBe(0);
    });

    it('takes one round trip, and looks for excess sessions only near the limit', async () => {
      const proof = await passwordProof(fixture, user);
      expect(await countRoundTrips(database(), () => start(proof))).toEqual(['login.complete']);
    });

    it('ends the oldest session beyond a hundred', async () => {
      for (let count = 0; count < 100; count += 1) await addSession(fixture, user, 'token');
      const [oldest] = await sessionsOf(fixture, user);
      fixture.time.advance(1000);
      await logIn();
      const ended = (await sessionsOf(fixture, user)).filter(({ endReason }) => endReason !== null);
      expect(ended).toMatchObject([{ id: oldest?.id, endReason: 'too_many_sessions' }]);
    });
  });

  describe('gets the ticket of a step, and no session', () => {
    it('for two factors that are on without one: the mailbox first', async () => {
      await database().transaction((tx) => fixture.users.setMfa(tx, user.id, true));
      expect(await logIn()).toMatchObject({ kind: 'step_required', step: 'confirm_mailbox', factors: [] });
      expect(await sessionsOf(fixture, user)).toEqual([]);
    });
  });

  describe('is rejected, and the rejection recorded', () => {
    it('for an unverified email', async () => {
      await database().run(setVerified, { userId: user.id, at: null });
      await expect(logIn()).rejects.toMatchObject({ code: 'email_not_verified' });
      await expectNothingWritten('login.refused', 'password', 'email_not_verified');
    });

    it('for a disabled user', async () => {
      await disable();
      await expect(logIn()).rejects.toMatchObject({ code: 'account_disabled' });
      await expectNothingWritten('login.refused', 'password', 'account_disabled');
    });

    it('as a wrong password from the first instant after the grace period', async () => {
      await endDeletionAt(addSeconds(now(), 60));
      fixture.time.advance(60_000);
      await expect(logIn()).rejects.toMatchObject({ code: 'invalid_credentials' });
      await expectNothingWritten('login.failed', 'password', 'invalid_credentials');
    });

    it('for an address without a user, under no user', async () => {
      const by = 'password';
      const nobody = { by, reason: 'invalid_credentials', userId: undefined, userKey: undefined } as const;
      fixture.time.advance(1000);
      await recordRejectedLogin(fixture.gate, database(), nobody, requester);
      const { userId, body } = present(await database().row(latestEvent, { at: now() }), 'the event');
      expect(userId).toBeNull();
      const event = JSON.parse(body.toString('utf8'));
      const facts = { by, reason: 'invalid_credentials' };
      expect(event).toMatchObject({ action: 'login.failed', actor: { kind: 'anonymous' }, facts });
      // The address of the requester is under the key of the month.
      expect([Object.keys(event).includes('userId'), event.personal.key]).toEqual([false, '2026-03']);
    });

    it('as a wrong link for a disabled user', async () => {
      const proof = await mailedProof(fixture, user, 'magic_link');
      await disable();
      await expect(start(proof)).rejects.toMatchObject({ code: 'invalid_token' });
      await expectNothingWritten('login.failed', 'magic_link', 'invalid_token');
    });
  });

  describe('that needs a further step', () => {
    it('gets a ticket with its factor, and neither session nor tokens', async () => {
      await addAuthenticator(fixture, user);
      const result = await logIn({ ...byToken, transport: 'cookie' });
      expect(result).toEqual({
        kind: 'step_required',
        step: 'second_factor',
        factors: ['totp'],
        ticket: { id: expect.any(String), text: expect.stringMatching(/^lk_lt_/), expiresAt: addSeconds(now(), 600) },
      });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      const text = result.kind === 'step_required' ? result.ticket.text : '';
      expect(await findTicket(database(), { text }, now())).toMatchObject({
        userId: user.id,
        transport: 'cookie',
        beganAt: now(),
        proven: [{ amr: 'pwd', kind: 'knowledge', factorTime: 'pwd', at: now().toISOString() }],
      });
    });

    it('records the step, and resets the counter of the proof only', async () => {
      await addAuthenticator(fixture, user);
      await logIn();
      const facts = { step: 'second_factor', by: 'password' };
      const actor = { kind: 'user', id: user.id };
      const event = { action: 'login.step_required', actor, facts, sessionId: undefined, personal };
      expect(await eventsOf(fixture, user)).toEqual([event]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds('password'));
    });

    it('names the recovery codes beside the app', async () => {
      await addAuthenticator(fixture, user);
      await addRecoveryCodes(fixture, user);
      expect(await logIn()).toMatchObject({ step: 'second_factor', factors: ['totp', 'recovery_code'] });
    });

    it('names no factors for a step that takes none: an account that waits for its deletion', async () => {
      await addRecoveryCodes(fixture, user);
      await endDeletionAt(addSeconds(now(), 60));
      fixture.time.advance(59_999);
      expect(await logIn()).toMatchObject({ kind: 'step_required', step: 'cancel_deletion', factors: [] });
      expect(await sessionsOf(fixture, user)).toEqual([]);
    });
  });

  describe.each([
    ['magic_link', 'invalid_token'],
    ['email_code', 'invalid_code'],
  ] as const)('by a %s', (by, refusal) => {
    it('writes a session of one factor, proven by the mailbox, and resets the counter of codes', async () => {
      await start(await mailedProof(fixture, user, by));
      expect(await sessionsOf(fixture, user)).toMatchObject([
        { acr: '1', amr: ['otp'], factorTimes: { email: now().toISOString() } },
      ]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds('email_code'));
      expect(await eventsOf(fixture, user)).toMatchObject([{ action: 'login.succeeded', facts: { by } }]);
    });

    it('succeeds once of twenty times at once', async () => {
      const proof = await mailedProof(fixture, user, by);
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => start(proof)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: refusal });
      }
      expect(await sessionsOf(fixture, user)).toHaveLength(1);
    });

    it('is rejected in another browser, and still works in its own', async () => {
      const proof = await mailedProof(fixture, user, by);
      await expect(start({ ...proof, browserHash: Buffer.alloc(32) })).rejects.toMatchObject({ code: refusal });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds());
      expect(await start(proof)).toMatchObject({ kind: 'done' });
    });

    it('stays unused by a login that is rejected, and works once the reason is gone', async () => {
      const proof = await mailedProof(fixture, user, by);
      await database().run(setVerified, { userId: user.id, at: null });
      await expect(start(proof)).rejects.toMatchObject({ code: 'email_not_verified' });
      await expectNothingWritten('login.refused', by, 'email_not_verified');
      await database().run(setVerified, { userId: user.id, at: now() });
      expect(await start(proof)).toMatchObject({ kind: 'done' });
    });

    it('is consumed by a login that needs a second factor', async () => {
      const proof = await mailedProof(fixture, user, by);
      await addAuthenticator(fixture, user);
      expect(await start(proof)).toMatchObject({ kind: 'step_required', step: 'second_factor' });
      await expect(start(proof)).rejects.toMatchObject({ code: refusal });
      expect(await openTicketsOf(fixture, user)).toBe(1);
    });

    it('is rejected when the user was erased', async () => {
      const proof = await mailedProof(fixture, user, by);
      const erased = { userId: user.id, subject: user.id, now: now() };
      await database().transaction((tx) => eraseUser(tx, fixture.keys, erased));
      await expect(start(proof)).rejects.toMatchObject({ code: refusal });
    });

    it('continues the known device of the presented token', async () => {
      const first = await start(await mailedProof(fixture, user, by));
      const deviceToken = first.kind === 'done' ? first.issued.deviceToken : undefined;
      await start(await mailedProof(fixture, user, by), { ...byToken, deviceToken });
      const devices = (await sessionsOf(fixture, user)).map(({ deviceId }) => deviceId);
      expect(devices[1]).toBe(devices[0]);
      expect(await mailsOf(fixture, user)).toEqual([]);
    });
  });
});
