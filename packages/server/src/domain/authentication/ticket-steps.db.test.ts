import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import { assignRole } from '#domain/roles/index.ts';
import { type SecondFactorRule, turnTotpOn } from '#domain/second-factors/index.ts';
import { addPendingTotp, sealTotpSecret } from '#domain/totp/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import { newTotpSecret } from '#protocol/totp/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import type { TestUser } from '#test/support/domain-fixture.ts';
import {
  addAuthenticator,
  addPasswordUser,
  eventsOf,
  failedKinds,
  type GateFixture,
  mailedProof,
  openGateFixture,
  openTicketsOf,
  otherKinds,
  passwordProof,
  requester,
  sessionsOf,
} from '#test/support/gate-fixture.ts';
import { mustChangePasswordOf } from '#test/support/must-change.ts';
import { continueLogin, type LoginResult, startLogin } from './decide.ts';
import { bindingToTicket, compareMailboxCode, sendMailboxCode } from './mailbox-code.ts';
import { findStep, type StepChange, takeStep } from './ticket-steps.ts';

const newestCode = statement('ticket_steps_test.newest_code', {
  lane: 'pool',
  sql: `select id, key_id from one_time_tokens where user_id = :userId and purpose = 'mailbox_code'
    order by created_at desc, id desc limit 1`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', keyId: 'uuid' },
});

const setGraceEnd = statement('ticket_steps_test.set_grace_end', {
  lane: 'pool',
  sql: `update users set status = 'pending_deletion', deletes_at = :at where id = :userId`,
  params: { userId: 'uuid', at: 'timestamptz' },
  columns: {},
});

describeOnBothDatabases('a login that has to change its user first', (database) => {
  let fixture: GateFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openGateFixture(database());
  });

  beforeEach(async () => {
    user = await addPasswordUser(fixture);
  });

  const now = () => fixture.clock.now();
  const gateWith = (secondFactorFor: SecondFactorRule) => ({ ...fixture.gate, secondFactorFor });
  const ticketOf = (result: LoginResult) => {
    if (result.kind === 'done') throw new Error('the login needs no further step');
    return result.ticket.text;
  };

  async function begin(rule: SecondFactorRule = 'admins', by: 'password' | 'magic_link' = 'password') {
    const proof = by === 'password' ? await passwordProof(fixture, user) : await mailedProof(fixture, user, by);
    return startLogin(gateWith(rule), proof, { transport: 'token', deviceToken: undefined }, requester);
  }

  /** Proves the mailbox of a login by the mailed code. */
  async function proveMailbox(ticket: string): Promise<LoginResult> {
    const codes = { ...fixture, ...fixture.gate, limits: { takeMail: async () => true } };
    const binding = bindingToTicket(ticket);
    const refusal = 'invalid_ticket';
    await sendMailboxCode(codes, { userId: user.id, authEpoch: 1, binding, refusal }, requester);
    const { id, keyId } = present(await database().row(newestCode, { userId: user.id }), 'the code');
    const code = fixture.tokens.secret(id, 'mailbox_code', keyId);
    const proof = present(await compareMailboxCode(codes, { userId: user.id, binding }, code), 'the proof');
    return continueLogin(gateWith('everybody'), ticket, proof, { deviceToken: undefined }, requester);
  }

  /** Sets an app up as the flow does: a new epoch, and the factor that its first code proves. */
  const enroll = async (tx: Queries): Promise<string> => {
    const secretId = fixture.makeId();
    const sealedSecret = sealTotpSecret(user.key, secretId, newTotpSecret());
    await addPendingTotp(tx, { id: secretId, userId: user.id, sealedSecret, now: now() });
    await turnTotpOn(tx, { ...fixture }, { userId: user.id, secretId, step: 1 }, now());
    await fixture.users.raiseEpoch(tx, user.id);
    return secretId;
  };

  const changePassword = async (tx: Queries): Promise<void> => {
    const sealed = fixture.keys.seal('password', 'another hash', passwordAssociatedData(user.id));
    await setPassword(tx, user.id, sealed, now());
    await fixture.users.raiseEpoch(tx, user.id);
  };

  const take = <A>(
    text: string,
    change: Pick<StepChange<A>, 'step' | 'work'> & Partial<StepChange<A>>,
    rule: SecondFactorRule = 'everybody',
  ) => takeStep(gateWith(rule), { ticket: { text }, ...change }, { deviceToken: undefined }, requester);
  const takeEnrollment = (text: string) =>
    take(text, { step: 'enroll_second_factor', proves: { by: 'totp' }, work: enroll });
  const takeNewPassword = (text: string) => take(text, { step: 'change_password', work: changePassword }, 'admins');

  describe('because it must have a second factor', () => {
    it.each<[string, SecondFactorRule, boolean, string]>([
      ['nobody', 'nobody', true, 'done'],
      ['a user without a role', 'admins', false, 'done'],
      ['an owner', 'admins', true, 'confirm_mailbox'],
      ['everybody', 'everybody', false, 'confirm_mailbox'],
    ])('requires one of %s', async (_, rule, isAdmin, expected) => {
      const admin = { userId: user.id, role: 'owner', now: now(), makeId: fixture.makeId } as const;
      if (isAdmin) await database().transaction((tx) => assignRole(tx, admin));
      const result = await begin(rule);
      expect(result.kind === 'done' ? 'done' : result.step).toBe(expected);
    });

    it('requires it of a user who has turned two factors on and lost them', async () => {
      await database().transaction((tx) => fixture.users.setMfa(tx, user.id, true));
      expect(await begin('nobody')).toMatchObject({ step: 'confirm_mailbox', factors: [] });
      expect(await sessionsOf(fixture, user)).toEqual([]);
    });

    it('proves the mailbox before anything is set up, unless a mail began the login', async () => {
      const ticket = ticketOf(await begin('everybody'));
      await expect(takeEnrollment(ticket)).rejects.toMatchObject({ code: 'login_incomplete' });
      expect(await proveMailbox(ticket)).toMatchObject({ step: 'enroll_second_factor', factors: ['passkey', 'totp'] });
      const byLink = await begin('everybody', 'magic_link');
      expect(byLink).toMatchObject({ step: 'enroll_second_factor', factors: ['passkey', 'totp'] });
      expect(await sessionsOf(fixture, user)).toEqual([]);
    });

    it('becomes a session of two factors with the new epoch', async () => {
      const beganAt = now();
      const enrolling = ticketOf(await proveMailbox(ticketOf(await begin('everybody'))));
      fixture.time.advance(60_000);
      const { applied, result } = await takeEnrollment(enrolling);
      expect(applied).toMatch(/^[0-9a-f-]{36}$/);
      const [session, ...others] = await sessionsOf(fixture, user);
      expect(others).toEqual([]);
      expect(session).toMatchObject({ acr: '2', amr: ['pwd', 'otp', 'mfa'], authEpoch: 2, endReason: null });
      expect(session?.factorTimes).toEqual({
        pwd: beganAt.toISOString(),
        email: beganAt.toISOString(),
        totp: now().toISOString(),
      });
      expect(result).toMatchObject({ kind: 'done', issued: { sessionId: session?.id } });
      expect((await eventsOf(fixture, user)).at(-1)).toMatchObject({
        action: 'login.succeeded',
        facts: { by: 'enroll_second_factor' },
      });
    });

    it('sets one up once of twenty times at once', async () => {
      const enrolling = ticketOf(await begin('everybody', 'magic_link'));
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => takeEnrollment(enrolling)));
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'invalid_ticket' });
      }
      expect(await sessionsOf(fixture, user)).toHaveLength(1);
    });

    it('stays where it was when the step fails', async () => {
      const enrolling = ticketOf(await begin('everybody', 'magic_link'));
      const failing = take(enrolling, {
        step: 'enroll_second_factor',
        work: async (tx) => {
          await enroll(tx);
          throw new Error('the step failed');
        },
      });
      await expect(failing).rejects.toThrow('the step failed');
      expect(await takeEnrollment(enrolling)).toMatchObject({ result: { kind: 'done' } });
    });

    it('gets no session when the step did not set one up', async () => {
      const enrolling = ticketOf(await begin('everybody', 'magic_link'));
      const nothing = await take(enrolling, { step: 'enroll_second_factor', work: async () => undefined });
      expect(nothing.result).toMatchObject({ kind: 'step_required', step: 'enroll_second_factor' });
      expect(await sessionsOf(fixture, user)).toEqual([]);
    });
  });

  describe('because its password must change', () => {
    beforeEach(async () => {
      await mustChangePasswordOf(database(), user.id);
    });

    it('gets a ticket, and a session with the new password', async () => {
      const started = await begin();
      expect(started).toMatchObject({ step: 'change_password', factors: [] });
      expect(await sessionsOf(fixture, user)).toEqual([]);
      const { result } = await takeNewPassword(ticketOf(started));
      expect(result).toMatchObject({ kind: 'done' });
      expect(await sessionsOf(fixture, user)).toMatchObject([{ acr: '1', amr: ['pwd'], authEpoch: 2 }]);
      expect(await failedKinds(fixture, user)).toEqual(otherKinds('password', 'mailbox_code'));
    });

    it('proves the second factor before', async () => {
      const { secretId } = await addAuthenticator(fixture, user);
      const ticket = ticketOf(await begin());
      await expect(takeNewPassword(ticket)).rejects.toMatchObject({ code: 'login_incomplete' });
      const proof = { by: 'totp', userId: user.id, secretId, step: 1 } as const;
      const next = await continueLogin(fixture.gate, ticket, proof, { deviceToken: undefined }, requester);
      expect(next).toMatchObject({ step: 'change_password' });
      expect((await takeNewPassword(ticketOf(next))).result).toMatchObject({ kind: 'done' });
      expect(await sessionsOf(fixture, user)).toMatchObject([{ acr: '2' }]);
    });

    it('goes on to the next step with the epoch that the change began', async () => {
      const ticket = ticketOf(await begin());
      await database().run(setGraceEnd, { userId: user.id, at: addSeconds(now(), 86_400) });
      const { result } = await takeNewPassword(ticket);
      expect(result).toMatchObject({ kind: 'step_required', step: 'cancel_deletion' });
      const text = ticketOf(result);
      expect(await findStep(fixture.gate, { text }, 'cancel_deletion')).toMatchObject({
        login: { userId: user.id, authEpoch: 2 },
      });
    });

    it('takes it from the browser of the ticket only', async () => {
      const browserHash = Buffer.alloc(32, 1);
      const options = { transport: 'cookie', deviceToken: undefined, browserHash } as const;
      const text = ticketOf(await startLogin(fixture.gate, await passwordProof(fixture, user), options, requester));
      const change = { step: 'change_password', work: changePassword } as const;
      for (const other of [undefined, Buffer.alloc(32, 2)]) {
        const ticket = { text, browserHash: other };
        await expect(take(text, { ...change, ticket })).rejects.toMatchObject({ code: 'invalid_ticket' });
      }
      expect((await take(text, { ...change, ticket: { text, browserHash } }, 'admins')).result.kind).toBe('done');
    });

    it('takes none once the user changed, was disabled, or the grace period is over', async () => {
      const stale = ticketOf(await begin());
      await database().transaction((tx) => fixture.users.raiseEpoch(tx, user.id));
      await expect(takeNewPassword(stale)).rejects.toMatchObject({ code: 'invalid_ticket' });
      const late = ticketOf(await begin());
      await database().run(setGraceEnd, { userId: user.id, at: now() });
      await expect(takeNewPassword(late)).rejects.toMatchObject({ code: 'invalid_ticket' });
      await expect(findStep(fixture.gate, { text: late }, 'change_password')).rejects.toMatchObject({
        code: 'invalid_ticket',
      });
      expect([await sessionsOf(fixture, user), await openTicketsOf(fixture, user)]).toEqual([[], 2]);
    });
  });

  it('is found by its step, and by no other', async () => {
    const text = ticketOf(await begin('everybody'));
    const gate = gateWith('everybody');
    const found = await findStep(gate, { text }, 'confirm_mailbox');
    expect(found).toMatchObject({ login: { userId: user.id }, candidate: { userId: user.id } });
    await expect(findStep(gate, { text }, 'enroll_second_factor')).rejects.toMatchObject({ code: 'login_incomplete' });
    await expect(findStep(gate, { text: '' }, 'confirm_mailbox')).rejects.toMatchObject({ code: 'invalid_ticket' });
    await expect(findStep(gateWith('nobody'), { text }, 'confirm_mailbox')).rejects.toMatchObject({
      code: 'login_incomplete',
    });
  });
});
