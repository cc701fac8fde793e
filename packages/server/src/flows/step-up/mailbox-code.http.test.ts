import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { wrongCode } from '#test/support/login-by-mail.ts';
import {
  addUserWithoutPassword,
  newestMailboxCode,
  proveMailbox,
  requestMailboxCode,
} from '#test/support/mailbox-codes.ts';
import { addTotpUser } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addLoggedInUser, isAccepted, login, mailsTo, validPassword } from '#test/support/user-actions.ts';

describe.each(databasesOfFlows)('step-up by a mailed code (%s)', (databaseKind) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind, env: { LATCHKEY_LIMIT_MAIL: '20/1h' } });
    return () => app.close();
  });

  async function addUserWithCode() {
    const user = await addUserWithoutPassword(app);
    const { status, data } = await requestMailboxCode(app, user.accessToken);
    expect([status, data]).toEqual([202, { status: 'code_sent', expiresIn: 600 }]);
    return { ...user, code: await newestMailboxCode(app, user.email) };
  }

  it('is offered to a user with neither password nor second factor, and renews the session', async () => {
    const user = await addUserWithCode();
    const token = user.accessToken;
    expect((await app.send('GET', '/api/v1/auth/step-up', { token })).data).toEqual({ factors: ['email_code'] });
    expect(await mailsTo(app, user.email)).toContain('mailbox_code');
    const { status, data } = await proveMailbox(app, token, user.code);
    expect(status).toBe(200);
    expect([await isAccepted(app, data.accessToken), await isAccepted(app, token)]).toEqual([true, false]);
    const session = await app.send('GET', '/api/v1/auth/session', { token: data.accessToken });
    expect(session.data).toMatchObject({ acr: '1' });
    expect(await auditActionsOf(app, user.email)).toEqual(
      expect.arrayContaining(['mailbox_code.requested', 'session.stepped_up']),
    );
  });

  it.each([
    ['a password', addLoggedInUser],
    ['a second factor', addTotpUser],
  ] as const)('is refused to a user with %s', async (_, add) => {
    const user = await add(app);
    expect((await requestMailboxCode(app, user.accessToken)).code).toBe('login_incomplete');
    expect((await proveMailbox(app, user.accessToken, '000000')).code).toBe('login_incomplete');
    expect(await mailsTo(app, user.email)).not.toContain('mailbox_code');
  });

  it('works once: of 20 concurrent requests one renews the session', async () => {
    const { accessToken, code } = await addUserWithCode();
    const all = await Promise.all(Array.from({ length: 5 }, () => proveMailbox(app, accessToken, code)));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('does not work in another session of the user, nor for another user', async () => {
    const user = await addUserWithCode();
    const other = await addUserWithCode();
    expect((await proveMailbox(app, other.accessToken, user.code)).code).toBe('invalid_code');
    expect((await proveMailbox(app, user.accessToken, user.code)).status).toBe(200);
  });

  it('is invalid after five tries, and the sixth wrong attempt of the user is delayed', async () => {
    const user = await addUserWithCode();
    for (let guess = 1; guess <= 5; guess += 1) {
      const { code } = await proveMailbox(app, user.accessToken, wrongCode(user.code, guess));
      expect(code).toBe('invalid_code');
    }
    app.clock.advance(60_000);
    expect((await proveMailbox(app, user.accessToken, user.code)).code).toBe('invalid_code');
    expect((await proveMailbox(app, user.accessToken, user.code)).code).toBe('too_many_requests');
    expect(await auditActionsOf(app, user.email)).toContain('session.step_up_refused');
  });

  it('is replaced by the next one, expires after ten minutes, and ends with the epoch', async () => {
    const user = await addUserWithCode();
    await requestMailboxCode(app, user.accessToken);
    const newest = await newestMailboxCode(app, user.email);
    if (newest !== user.code) expect((await proveMailbox(app, user.accessToken, user.code)).code).toBe('invalid_code');
    app.clock.advance(601_000);
    expect((await proveMailbox(app, user.accessToken, newest)).code).toBe('invalid_code');
    const ended = await addUserWithCode();
    const { database, users } = app.services;
    await database.transaction((tx) => users.raiseEpoch(tx, ended.userId));
    expect((await proveMailbox(app, ended.accessToken, ended.code)).code).toBe('not_authenticated');
  });

  it('is not sent more often than the quota of mails allows', async () => {
    const { accessToken: token } = await addUserWithoutPassword(app);
    const all = await Promise.all(Array.from({ length: 25 }, () => requestMailboxCode(app, token)));
    expect(all.filter(({ status }) => status === 202).length).toBeLessThanOrEqual(20);
    const refused = all.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ headers }) => Number(headers.get('retry-after')) > 0)).toBe(true);
  });

  it('a user without a password sets one, changes the address and deletes the account with it', async () => {
    const operations = [
      ['POST', '/api/v1/users/me/password', { newPassword: validPassword }, 'password_changed'],
      ['POST', '/api/v1/users/me/email', { newEmail: 'moved@people.example' }, 'email_change_requested'],
      ['DELETE', '/api/v1/users/me', {}, 'account_deletion_scheduled'],
    ] as const;
    for (const [method, path, json, mail] of operations) {
      const user = await addUserWithoutPassword(app);
      app.clock.advance(301_000);
      const stale = await app.send(method, path, { token: user.accessToken, json });
      expect([stale.status, stale.code, stale.headers.get('www-authenticate')]).toEqual([
        401,
        'step_up_required',
        expect.stringContaining('max_age="300"'),
      ]);
      await requestMailboxCode(app, user.accessToken);
      const stepped = await proveMailbox(app, user.accessToken, await newestMailboxCode(app, user.email));
      const done = await app.send(method, path, { token: stepped.data.accessToken, json });
      expect(done.status).toBeLessThan(300);
      expect(await mailsTo(app, user.email)).toContain(mail);
      if (path.endsWith('password')) expect((await login(app, user.email)).status).toBe(200);
    }
  });
});
