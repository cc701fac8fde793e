import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { recoveryCodeHashes } from '#domain/recovery-codes/index.ts';
import { scheduleDeletion } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import type { TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  addRecoveryCodes,
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
  type TestAuthenticator,
} from '#test/support/gate-fixture.ts';
import { completeStep, continueLogin, type SecondProof, startLogin } from './decide.ts';
import type { LoginInProgress } from './tickets.ts';

// No flow changes these without a new epoch; the gate reads every fact again at each step.
const setGraceEnd = statement('continue_login_test.set_grace_end', {
  lane: 'pool',
  sql: `update users set status = 'pending_deletion', deletes_at = :at where id = :userId`,
  params: { userId: 'uuid', at: 'timestamptz' },
  columns: {},
});

const setVerified = statement('continue_login_test.set_verified', {
  lane: 'pool',
  sql: `update identifiers set verified_at = :at where user_id = :userId`,
  params: { userId: 'uuid', at: 'timestamptz?' },
  columns: {},
});

// Stands for further steps that each issued a ticket of ten minutes.
const extend = statement('continue_login_test.extend', {
  lane: 'pool',
  sql: `update logins set expires_at = :at where user_id = :userId`,
  params: { userId: 'uuid', at: 'timestamptz' },
  columns: {},
});

const personal = clientInfoOf(requester);
const unknownTicket = `lk_lt_${'A'.repeat(49)}`;

describeOnBothDatabases('a login in progress', (database) => {
  let fixture: GateFixture;
  let user: TestUser;
  let app: TestAuthenticator;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
    app = await addAuthenticator(fixture, user);
  });

  const now = () => fixture.clock.now();

  /** The ticket of a login by password. */
  async function begin(of: TestUser = user, transport: 'cookie' | 'token' = 'token'): Promise<string> {
    const proof = await passwordProof(fixture, of);
    const result = await startLogin(fixture.gate, proof, { transport, deviceToken: undefined }, requester);
    if (result.kind !== 'step_required') throw new Error('the login needs no further step');
    return result.ticket.text;
  }

  const totp = (step = 1, secretId = app.secretId, userId = user.id): SecondProof => ({
    by: 'totp',
    userId,
    secretId,
    step,
  });

  const recoveryCode = (code: string): SecondProof => {
    const hashes = recoveryCodeHashes(fixture.keys, user.id, code);
    if (hashes === null) throw new Error('no code');
    return { by: 'recovery_code', userId: user.id, hashes };
  };

  const go = (ticket: string, proof: SecondProof, deviceToken?: string) =>
    continueLogin(fixture.gate, ticket, proof, { deviceToken }, requester);

  describe('with a second factor', () => {
    it('becomes a session of two factors, each with the time of its proof', async () => {
      const ticket = await begin(user, 'cookie');
      const beganAt = now();
      fixture.time.advance(60_000);
      const result = await go(ticket, totp());
      const sessions = await sessionsOf(fixture, user);
      expect(sessions).toMatchObject([
        {
          acr: '2',
          amr: ['pwd', 'otp', 'mfa'],
          authTime: now(),
          factorTimes: { pwd: beganAt.toISOString(), totp: now().toISOString() },
          transport: 'cookie',
          hasCookie: true,
        },
      ]);
      expect(result).toMatchObject({ kind: 'done', issued: { userId: user.id, sessionId: sessions[0]?.id } });
    });

    it('records each step and the session', async () => {
      await go(await begin(), totp());
      const [session] = await sessionsOf(fixture, user);
      const actor = { kind: 'user', id: user.id };
      const step = { step: 'second_factor', by: 'password' };
      const done = { amr: ['pwd', 'otp', 'mfa'], by: 'totp' };
      expect(await eventsOf(fixture, user)).toEqual([
        { action: 'login.step_required', actor, facts: step, sessionId: undefined, personal },
        { action: 'login.succeeded', actor, facts: done, sessionId: session?.id, personal },
      ]);
      expect(await mailsOf(fixture, user)).toEqual([]);
    });

    it('consumes the ticket and the code, and resets the counter of unknown devices', async () => {
      const ticket = await begin();
      await go(ticket, totp());
      expect(await openTicketsOf(fixture, user)).toBe(0);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds('password', 'second_factor'));
      await expect(go(ticket, totp(2))).rejects.toMatchObject({ code: 'invalid_ticket' });
      await expect(go(await begin(), totp())).rejects.toMatchObject({ code: 'invalid_code' });
    });

    it('resets the counter of known devices from one of them, and goes on with this device', async () => {
      const first = await go(await begin(), totp());
      const deviceToken = first.kind === 'done' ? first.issued.deviceToken : undefined;
      await go(await begin(), totp(2), deviceToken);
      const [one, two] = await sessionsOf(fixture, user);
      expect(two?.deviceId).toBe(one?.deviceId);
      expect(await failedKinds(fixture, user)).toEqual(
        otherKinds('password', 'second_factor', 'second_factor_known_device'),
      );
    });

    it('becomes one session when the code arrives twenty times at once, with one ticket or with many', async () => {
      const one = await begin();
      const same = await Promise.allSettled(Array.from({ length: 20 }, () => go(one, totp())));
      expect(same.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of same) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'invalid_ticket' });
      }
      const tickets = await Promise.all(Array.from({ length: 20 }, () => begin()));
      const many = await Promise.allSettled(tickets.map((ticket) => go(ticket, totp(2))));
      expect(many.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await sessionsOf(fixture, user)).toHaveLength(2);
    });

    it('is left as it was by a code that was used before', async () => {
      await go(await begin(), totp(5));
      const ticket = await begin();
      const before = await eventsOf(fixture, user);
      for (const step of [4, 5]) await expect(go(ticket, totp(step))).rejects.toMatchObject({ code: 'invalid_code' });
      expect(await sessionsOf(fixture, user)).toHaveLength(1);
      expect(await eventsOf(fixture, user)).toEqual(before);
      expect(await go(ticket, totp(6))).toMatchObject({ kind: 'done' });
    });

    it('is not completed by the factor of another user, and consumes neither', async () => {
      const other = await addPasswordUser(fixture);
      const theirs = await addAuthenticator(fixture, other);
      const ticket = await begin();
      const proof = totp(1, theirs.secretId, other.id);
      await expect(go(ticket, proof)).rejects.toMatchObject({ code: 'invalid_ticket' });
      // The secret of another user under the name of the ticket's user.
      await expect(go(ticket, totp(1, theirs.secretId))).rejects.toMatchObject({ code: 'invalid_code' });
      expect([await sessionsOf(fixture, user), await sessionsOf(fixture, other)]).toEqual([[], []]);
      expect(await go(await begin(other), proof)).toMatchObject({ kind: 'done' });
      expect(await go(ticket, totp())).toMatchObject({ kind: 'done' });
    });

    it('is asked for the next step on a new ticket', async () => {
      const ticket = await begin();
      const beganAt = now();
      await database().run(setGraceEnd, { userId: user.id, at: addSeconds(beganAt, 86_400) });
      fixture.time.advance(599_000);
      const result = await go(ticket, totp());
      const expiresAt = addSeconds(now(), 600);
      expect(result).toMatchObject({
        kind: 'step_required',
        step: 'cancel_deletion',
        factors: [],
        ticket: { expiresAt },
      });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      expect(await openTicketsOf(fixture, user)).toBe(1);
    });

    it('ends half an hour after it began, however many steps it takes', async () => {
      const ticket = await begin();
      const endsAt = addSeconds(now(), 1800);
      await database().run(setGraceEnd, { userId: user.id, at: addSeconds(now(), 86_400) });
      await database().run(extend, { userId: user.id, at: endsAt });
      fixture.time.advance(1_790_000);
      expect(await go(ticket, totp())).toMatchObject({ ticket: { expiresAt: endsAt } });
    });

    it('is rejected for a reason that arose since, and the rejection recorded', async () => {
      const ticket = await begin();
      await database().run(setVerified, { userId: user.id, at: null });
      await expect(go(ticket, totp())).rejects.toMatchObject({ code: 'email_not_verified' });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      expect((await eventsOf(fixture, user)).at(-1)).toMatchObject({
        action: 'login.refused',
        facts: { reason: 'email_not_verified', by: 'totp' },
      });
    });
  });

  describe('with a recovery code', () => {
    it('becomes a session of two factors, and the user is told', async () => {
      const [code = ''] = await addRecoveryCodes(fixture, user);
      await go(await begin(), recoveryCode(code));
      const times = { pwd: now().toISOString(), recovery_code: now().toISOString() };
      expect(await sessionsOf(fixture, user)).toMatchObject([
        { acr: '2', amr: ['pwd', 'otp', 'mfa'], factorTimes: times },
      ]);
      const actor = { kind: 'user', id: user.id };
      expect((await eventsOf(fixture, user)).filter(({ action }) => action === 'recovery_code.used')).toEqual([
        { action: 'recovery_code.used', actor, facts: undefined, sessionId: undefined, personal },
      ]);
      const params = { browser: 'Firefox', os: 'Linux', address: requester.address };
      const mail = { template: 'recovery_code_used', locale: 'en', identifierId: user.identifierId, params };
      expect(await mailsOf(fixture, user)).toEqual([mail]);
    });

    it('works once, and tells the user once', async () => {
      const [code = ''] = await addRecoveryCodes(fixture, user);
      await go(await begin(), recoveryCode(code));
      const ticket = await begin();
      await expect(go(ticket, recoveryCode(code))).rejects.toMatchObject({ code: 'invalid_code' });
      const isNotice = ({ template }: { template: string }) => template === 'recovery_code_used';
      expect((await mailsOf(fixture, user)).filter(isNotice)).toHaveLength(1);
      expect(await go(ticket, totp())).toMatchObject({ kind: 'done' });
    });
  });

  describe('is not usable', () => {
    const expectNoSession = async (ticket: string) => {
      await expect(go(ticket, totp())).rejects.toMatchObject({ code: 'invalid_ticket' });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      expect(await failedKinds(fixture, user)).toContain('second_factor');
    };

    it.each(['', 'lk_lt_', unknownTicket])('under %j', async (ticket) => expectNoSession(ticket));

    it('after ten minutes', async () => {
      const ticket = await begin();
      fixture.time.advance(600_000);
      await expectNoSession(ticket);
    });

    it('for a user who was disabled', async () => {
      const ticket = await begin();
      await database().transaction((tx) => fixture.users.changeStatus(tx, user.id, 'disabled'));
      await expectNoSession(ticket);
    });

    it('after a change of the user', async () => {
      const ticket = await begin();
      await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
      await expectNoSession(ticket);
    });

    it('from the first instant after the grace period', async () => {
      const ticket = await begin();
      await database().run(setGraceEnd, { userId: user.id, at: addSeconds(now(), 60) });
      fixture.time.advance(60_000);
      await expectNoSession(ticket);
    });

    it('for a second factor when another step is due', async () => {
      await database().run(setGraceEnd, { userId: user.id, at: addSeconds(now(), 86_400) });
      await database().transaction((tx) => fixture.users.setMfa(tx, user.id, false));
      const ticket = await begin();
      await expect(go(ticket, totp())).rejects.toMatchObject({ code: 'login_incomplete' });
      await database().transaction((tx) => fixture.users.setMfa(tx, user.id, true));
      expect(await go(ticket, totp())).toMatchObject({ step: 'cancel_deletion' });
    });
  });

  describe('whose step is no proof', () => {
    let ticket: string;
    let taken: LoginInProgress[];

    beforeEach(async () => {
      await database().transaction((tx) => fixture.users.setMfa(tx, user.id, false));
      const deletesAt = addSeconds(now(), 60);
      await database().transaction((tx) => scheduleDeletion(tx, { userId: user.id, deletesAt, now: now() }));
      ticket = await begin();
      taken = [];
    });

    const take = (text = ticket, step: 'cancel_deletion' | 'second_factor' = 'cancel_deletion') =>
      completeStep(fixture.gate, text, step, async (_tx, login) => {
        taken.push(login);
      });

    it('takes it for the user of the ticket, once of twenty times at once', async () => {
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => take()));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'invalid_ticket' });
      }
      expect(taken).toMatchObject([{ userId: user.id, transport: 'token' }]);
      await expect(take()).rejects.toMatchObject({ code: 'invalid_ticket' });
    });

    it('stays usable when the step fails', async () => {
      const failing = completeStep(fixture.gate, ticket, 'cancel_deletion', async () => {
        throw new Error('the step failed');
      });
      await expect(failing).rejects.toThrow('the step failed');
      await take();
      expect(taken).toHaveLength(1);
    });

    it('takes no other step than the one that is due', async () => {
      await expect(take(ticket, 'second_factor')).rejects.toMatchObject({ code: 'login_incomplete' });
      await database().transaction((tx) => fixture.users.setMfa(tx, user.id, true));
      await expect(take()).rejects.toMatchObject({ code: 'login_incomplete' });
      expect(taken).toEqual([]);
      await database().transaction((tx) => fixture.users.setMfa(tx, user.id, false));
      await take();
    });

    it('takes none from the first instant after the grace period', async () => {
      fixture.time.advance(60_000);
      await expect(take()).rejects.toMatchObject({ code: 'invalid_ticket' });
      expect(taken).toEqual([]);
    });

    it.each(['', unknownTicket])('takes none under the ticket %j', async (text) => {
      await expect(take(text)).rejects.toMatchObject({ code: 'invalid_ticket' });
      expect(taken).toEqual([]);
    });
  });
});
