import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endSessions, grantRole, withdrawRole } from '#flows/admin-users/index.ts';
import { statement } from '#platform/database/index.ts';
import { Application } from '#test/support/application.ts';
import { addActiveUser } from '#test/support/daily-traffic.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { loginByLink, loginMethodsEnabled, requestLink, wrongCode } from '#test/support/login-by-mail.ts';
import {
  addOwner,
  addUserWithRole,
  beginEnrollment,
  changePasswordAtLogin,
  confirmEnrollment,
  enrollmentTicket,
  mustChangePassword,
  requestCodeFor,
  ticketFor,
  verifyMailbox,
} from '#test/support/login-steps.ts';
import { operator } from '#test/support/operator.ts';
import { addTotpUser, codeNow, proveSecondFactor } from '#test/support/second-factors.ts';
import { storedLinkToken } from '#test/support/stored-links.ts';
import { auditActionsOf, failedAttemptsOf } from '#test/support/stored-login.ts';
import { changedTables, digestTables } from '#test/support/table-digests.ts';
import { addLoggedInUser, isAccepted, login, mailsTo, type Tokens, validPassword } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';

const newPassword = 'another horse, another battery';

const countFactors = statement('login_steps_test.count_factors', {
  lane: 'pool',
  sql: `select count(*)::int4 as secrets from totp_secrets where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { secrets: 'int4?' },
});

describe.each(databasesOfFlows)('the steps of a login (%s)', (databaseKind) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind, env: { ...loginMethodsEnabled, LATCHKEY_LIMIT_MAIL: '3/1h' } });
  });
  afterAll(() => app.close());

  const secretsOf = async (userId: string) => (await app.services.database.row(countFactors, { userId }))?.secrets ?? 0;
  const post = (step: string, json: object) => app.send<Tokens>('POST', `/api/v1/auth/login/${step}`, { json });

  describe('of a user with a role and without a second factor', () => {
    it('are the mailbox, then the app, then a session of two factors with recovery codes', async () => {
      const { email, userId } = await addUserWithRole(app);
      const first = (await login(app, email)).data;
      expect(Object.keys(first).sort()).toEqual(['step', 'ticket', 'ticketExpiresAt']);
      expect(first.step).toBe('confirm_mailbox');
      const ticket = first.ticket ?? '';
      const code = await requestCodeFor(app, ticket, userId);
      const proven = await verifyMailbox(app, ticket, code);
      expect(proven.data).toMatchObject({ step: 'enroll_second_factor', factors: ['passkey', 'totp'] });
      const next = proven.data.ticket ?? '';
      const secret = await beginEnrollment(app, next);
      const done = await confirmEnrollment(app, next, codeNow(app, secret));
      expect(done.status).toBe(200);
      expect(done.data.recoveryCodes).toHaveLength(10);
      const session = await app.send('GET', '/api/v1/auth/session', { token: done.data.accessToken });
      expect(session.data).toMatchObject({ acr: '2', amr: ['pwd', 'otp', 'mfa'] });
      expect(await mailsTo(app, email)).toEqual(['mailbox_code', 'second_factor_added']);
      expect(await auditActionsOf(app, email)).toEqual(
        expect.arrayContaining(['mailbox_code.requested', 'factor.enrolled', 'login.succeeded']),
      );
      app.clock.advance(30_000);
      const again = (await login(app, email)).data;
      expect(again.step).toBe('second_factor');
      const { status } = await proveSecondFactor(app, again.ticket, { code: codeNow(app, secret) });
      expect(status).toBe(200);
    });

    it('begin with the app after a mailed link, which has proven the mailbox', async () => {
      const { email, userId } = await addUserWithRole(app);
      const { browserToken } = (await requestLink(app, email)).data;
      const { data } = await loginByLink(app, await storedLinkToken(app, userId, 'magic_link'), { browserToken });
      expect(data.step).toBe('enroll_second_factor');
      const secret = await beginEnrollment(app, data.ticket ?? '');
      const done = await confirmEnrollment(app, data.ticket ?? '', codeNow(app, secret));
      const session = await app.send('GET', '/api/v1/auth/session', { token: done.data.accessToken });
      expect(session.data).toMatchObject({ acr: '2', amr: ['otp', 'mfa'] });
    });

    it('give a stolen password no secret: the ticket opens no enrolment before the mailbox is proven', async () => {
      const manual = await Application.open({ databaseKind, manual: true, env: loginMethodsEnabled });
      const { email, userId } = await addUserWithRole(manual);
      const ticket = await ticketFor(manual, email, 'confirm_mailbox');
      const before = await digestTables(manual);
      for (const [step, json] of [
        ['enroll', { ticket, kind: 'totp' }],
        ['enroll/confirm', { ticket, code: '000000' }],
        ['change-password', { ticket, password: newPassword }],
        ['second-factor', { ticket, code: '000000' }],
      ] as const) {
        const { code } = await manual.send('POST', `/api/v1/auth/login/${step}`, { json });
        expect([step, ['login_incomplete', 'invalid_code'].includes(code ?? '')]).toEqual([step, true]);
      }
      const changed = changedTables(before, await digestTables(manual));
      expect(changed.filter((table) => !/^(rate_limit_counters|attempt_counters|audit_events)/.test(table))).toEqual(
        [],
      );
      expect((await manual.services.database.row(countFactors, { userId }))?.secrets).toBe(0);
      await manual.close();
    });

    it('need a session of no kind: the ticket is no bearer token', async () => {
      const ticket = await enrollmentTicket(app, await addUserWithRole(app));
      const { code } = await app.send('POST', '/api/v1/users/me/totp', { token: ticket, json: {} });
      expect(code).toBe('not_authenticated');
    });

    it('end with the role: a user who loses it signs in with the password alone', async () => {
      const { email, userId } = await addUserWithRole(app);
      await withdrawRole(app.services, operator, userId, 'owner');
      expect((await login(app, email)).data.step).toBeUndefined();
    });

    it('leave a user who set a factor up with two steps when the role goes', async () => {
      const owner = await addOwner(app);
      await withdrawRole(app.services, operator, owner.userId, 'owner');
      expect((await login(app, owner.email)).data.step).toBe('second_factor');
    });
  });

  describe('the code to the mailbox', () => {
    async function addTicketWithCode() {
      const user = await addUserWithRole(app);
      const ticket = await ticketFor(app, user.email, 'confirm_mailbox');
      return { ...user, ticket, code: await requestCodeFor(app, ticket, user.userId) };
    }

    it('works once: of 20 concurrent requests one gets the next ticket', async () => {
      const { ticket, code } = await addTicketWithCode();
      const all = await Promise.all(Array.from({ length: 20 }, () => verifyMailbox(app, ticket, code)));
      expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
      for (const { status, code: problem } of all.filter((response) => response.status !== 200)) {
        expect([401, 429], problem).toContain(status);
      }
    });

    it('works only with its own ticket, of the same user and of another one', async () => {
      const user = await addTicketWithCode();
      const other = await addTicketWithCode();
      const second = await ticketFor(app, user.email, 'confirm_mailbox');
      expect((await verifyMailbox(app, second, user.code)).code).toBe('invalid_code');
      expect((await verifyMailbox(app, other.ticket, user.code)).code).toBe('invalid_code');
      expect((await verifyMailbox(app, user.ticket, user.code)).status).toBe(200);
    });

    it('of a login does not step a session up, and the code of a session does not continue a login', async () => {
      const user = await addTicketWithCode();
      const { accessToken } = await addLoggedInUser(app);
      const json = { emailCode: user.code };
      expect((await app.send('POST', '/api/v1/auth/step-up', { token: accessToken, json })).code).toBe(
        'login_incomplete',
      );
    });

    it('is invalid after five tries, whatever the number of tickets, and wrong ones are audited', async () => {
      const { email, ticket, code } = await addTicketWithCode();
      for (let guess = 1; guess <= 5; guess += 1)
        expect((await verifyMailbox(app, ticket, wrongCode(code, guess))).code).toBe('invalid_code');
      const second = await ticketFor(app, email, 'confirm_mailbox');
      expect((await verifyMailbox(app, second, code)).code).toBe('too_many_requests');
      app.clock.advance(20_000);
      expect((await verifyMailbox(app, ticket, code)).code).toBe('invalid_code');
      expect(await auditActionsOf(app, email)).toContain('login.failed');
      expect(await failedAttemptsOf(app, email)).toBe(0);
    });

    it('is sent at most as often as the quota of mails allows', async () => {
      const { email } = await addUserWithRole(app);
      const ticket = await ticketFor(app, email, 'confirm_mailbox');
      const all = await Promise.all(Array.from({ length: 6 }, () => post('confirm-mailbox', { ticket })));
      expect(all.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([202, 202, 202, 429, 429, 429]);
      expect((await mailsTo(app, email)).filter((mail) => mail === 'mailbox_code')).toHaveLength(3);
    });

    it('is sent for no ticket of another step, an unknown one, or one that has expired', async () => {
      const { email } = await addUserWithRole(app);
      const expired = await ticketFor(app, email, 'confirm_mailbox');
      const enrolling = await enrollmentTicket(app, await addUserWithRole(app));
      expect((await post('confirm-mailbox', { ticket: enrolling })).code).toBe('login_incomplete');
      const proof = { ticket: enrolling, code: '123456' };
      expect((await post('confirm-mailbox/verify', proof)).code).toBe('login_incomplete');
      expect((await post('confirm-mailbox', { ticket: `lk_lt_${'A'.repeat(49)}` })).code).toBe('invalid_ticket');
      app.clock.advance(601_000);
      expect((await post('confirm-mailbox', { ticket: expired })).code).toBe('invalid_ticket');
    });

    it('does not outlive the epoch: a raise between request and proof ends the login', async () => {
      const { userId, ticket, code } = await addTicketWithCode();
      await endSessions(app.services, operator, userId);
      expect((await verifyMailbox(app, ticket, code)).code).toBe('invalid_ticket');
    });
  });

  describe('the enrolment', () => {
    async function addEnrolling() {
      const user = await addUserWithRole(app);
      const ticket = await enrollmentTicket(app, user);
      return { ...user, ticket, secret: await beginEnrollment(app, ticket) };
    }

    it('needs a secret to confirm', async () => {
      const ticket = await enrollmentTicket(app, await addUserWithRole(app));
      expect((await confirmEnrollment(app, ticket, '123456')).code).toBe('enrollment_expired');
      const secret = await beginEnrollment(app, ticket);
      expect((await confirmEnrollment(app, ticket, codeNow(app, secret))).status).toBe(200);
    });

    it('a wrong code changes nothing and leaves the ticket usable', async () => {
      const { userId, ticket, secret } = await addEnrolling();
      const { code } = await confirmEnrollment(app, ticket, wrongCode(codeNow(app, secret)));
      expect(code).toBe('invalid_code');
      expect((await confirmEnrollment(app, ticket, codeNow(app, secret))).status).toBe(200);
      expect(await secretsOf(userId)).toBe(1);
    });

    it('of 20 concurrent confirmations one gets a session and the recovery codes', async () => {
      const { ticket, secret } = await addEnrolling();
      const code = codeNow(app, secret);
      const all = await Promise.all(Array.from({ length: 20 }, () => confirmEnrollment(app, ticket, code)));
      const done = all.filter(({ status }) => status === 200);
      expect(done).toHaveLength(1);
      expect(done[0]?.data.recoveryCodes).toHaveLength(10);
      expect(await isAccepted(app, done[0]?.data.accessToken ?? '')).toBe(true);
    });

    it('the code of another user’s secret is wrong', async () => {
      const [user, other] = [await addEnrolling(), await addEnrolling()];
      expect((await confirmEnrollment(app, user.ticket, codeNow(app, other.secret))).code).toBe('invalid_code');
    });

    it('a second enrolment replaces the secret of the first', async () => {
      const { ticket, secret } = await addEnrolling();
      const replaced = codeNow(app, secret);
      const newest = await beginEnrollment(app, ticket);
      const { code } = await confirmEnrollment(app, ticket, replaced);
      if (replaced !== codeNow(app, newest)) expect(code).toBe('invalid_code');
      expect((await confirmEnrollment(app, ticket, codeNow(app, newest))).status).toBe(200);
    });

    it('two tickets of one user set one factor up', async () => {
      const user = await addEnrolling();
      const second = await enrollmentTicket(app, user);
      const code = codeNow(app, user.secret);
      const all = await Promise.all([user.ticket, second].map((ticket) => confirmEnrollment(app, ticket, code)));
      expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
      // The second has a ticket of an earlier epoch, or finds no secret that waits for its code.
      expect(['invalid_ticket', 'enrollment_expired']).toContain(all.find(({ status }) => status !== 200)?.code);
      expect(await secretsOf(user.userId)).toBe(1);
    });

    it('ends when the epoch is raised between its two requests', async () => {
      const { userId, ticket, secret } = await addEnrolling();
      await endSessions(app.services, operator, userId);
      expect((await confirmEnrollment(app, ticket, codeNow(app, secret))).code).toBe('invalid_ticket');
      expect((await post('enroll', { ticket, kind: 'totp' })).code).toBe('invalid_ticket');
    });

    it('ends when the epoch is raised between the comparison and the transaction', async () => {
      const { userId, ticket, secret } = await addEnrolling();
      const { database } = app.services;
      const transaction = database.transaction.bind(database);
      let isRaised = false;
      database.transaction = async (work) => {
        if (!isRaised) {
          isRaised = true;
          await endSessions(app.services, operator, userId);
        }
        return transaction(work);
      };
      const { code } = await confirmEnrollment(app, ticket, codeNow(app, secret));
      database.transaction = transaction;
      expect(code).toBe('invalid_ticket');
    });

    it('continues to the steps that follow, whose ticket has the new epoch', async () => {
      const user = await addEnrolling();
      await mustChangePassword(app, user.userId);
      const enrolled = await confirmEnrollment(app, user.ticket, codeNow(app, user.secret));
      expect(enrolled.data).toMatchObject({ step: 'change_password' });
      expect(enrolled.data.recoveryCodes).toHaveLength(10);
      const done = await changePasswordAtLogin(app, enrolled.data.ticket ?? '', newPassword);
      const session = await app.send('GET', '/api/v1/auth/session', { token: done.data.accessToken });
      expect(session.data).toMatchObject({ acr: '2' });
    });

    it('keeps the device known that set the factor up', async () => {
      const email = await addActiveUser(app);
      const { deviceToken } = (await login(app, email)).data;
      const userId = await userIdOf(app, email);
      await grantRole(app.services, operator, userId, 'owner');
      const ticket = await enrollmentTicket(app, { email, userId });
      const secret = await beginEnrollment(app, ticket);
      const { data } = await confirmEnrollment(app, ticket, codeNow(app, secret), { deviceToken });
      // The role had ended the device; the new one is known from here on.
      expect(data.deviceToken).not.toBe(deviceToken);
      app.clock.advance(30_000);
      const again = (await login(app, email, { deviceToken: data.deviceToken })).data;
      const proof = { code: codeNow(app, secret), deviceToken: data.deviceToken };
      expect((await proveSecondFactor(app, again.ticket, proof)).data.deviceToken).toBe(data.deviceToken);
    });
  });

  describe('the new password', () => {
    async function addWithTicket() {
      const email = await addActiveUser(app);
      const before = (await login(app, email)).data;
      const userId = await userIdOf(app, email);
      await mustChangePassword(app, userId);
      return { email, userId, before, ticket: await ticketFor(app, email, 'change_password') };
    }

    it('completes the login, ends every other session, and tells the user', async () => {
      const { email, before, ticket } = await addWithTicket();
      const { status, data } = await changePasswordAtLogin(app, ticket, newPassword);
      expect(status).toBe(200);
      expect([await isAccepted(app, data.accessToken), await isAccepted(app, before.accessToken)]).toEqual([
        true,
        false,
      ]);
      expect(await mailsTo(app, email)).toContain('password_changed');
      expect((await login(app, email)).code).toBe('invalid_credentials');
      expect((await login(app, email, { password: newPassword })).data.step).toBeUndefined();
    });

    it('is not the present one; the attempt is counted, and the ticket remains usable', async () => {
      const { email, ticket } = await addWithTicket();
      const same = await changePasswordAtLogin(app, ticket, validPassword);
      expect(same.errors).toMatchObject([{ path: '/password', code: 'unchanged' }]);
      expect((await changePasswordAtLogin(app, ticket, newPassword)).status).toBe(200);
      expect(await failedAttemptsOf(app, email)).toBe(0);
    });

    it('is set once by 20 concurrent requests', async () => {
      const { ticket } = await addWithTicket();
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, index) => changePasswordAtLogin(app, ticket, `${newPassword} ${index}`)),
      );
      expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    });

    it('needs a ticket of this step', async () => {
      const { email } = await addTotpUser(app);
      await mustChangePassword(app, await userIdOf(app, email));
      const ticket = await ticketFor(app, email, 'second_factor');
      expect((await changePasswordAtLogin(app, ticket, newPassword)).code).toBe('login_incomplete');
    });
  });
});

describe('LATCHKEY_SECOND_FACTOR_FOR', () => {
  it.each([
    ['nobody', undefined, undefined],
    ['admins', undefined, 'confirm_mailbox'],
    ['everybody', 'confirm_mailbox', 'confirm_mailbox'],
  ] as const)('%s', async (rule, forOthers, forAdmins) => {
    const app = await Application.open({ manual: true, env: { LATCHKEY_SECOND_FACTOR_FOR: rule } });
    const other = await addActiveUser(app);
    expect((await login(app, other)).data.step).toBe(forOthers);
    const { email } = await addUserWithRole(app);
    expect((await login(app, email)).data.step).toBe(forAdmins);
    await app.close();
  });
});
