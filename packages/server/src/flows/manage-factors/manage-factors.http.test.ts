import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resetFactors } from '#flows/admin-users/index.ts';
import { Application } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { operator } from '#test/support/operator.ts';
import { addTotpUser, beginTotp, codeNow, confirmTotp, proveSecondFactor } from '#test/support/second-factors.ts';
import { storedLinkToken } from '#test/support/stored-links.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addLoggedInUser, addVerifiedUser, login, mailsTo, validPassword } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';

const stepMs = 30_000;
const factorsPath = '/api/v1/users/me/factors';
const totpPath = '/api/v1/users/me/totp';
const codesPath = '/api/v1/users/me/recovery-codes';

describe.each(databasesOfFlows)('an authenticator app (%s)', (databaseKind) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());

  const sessionOf = (token: string) => app.send<{ acr: string }>('GET', '/api/v1/auth/session', { token });
  const factorsOf = (token: string) =>
    app.send<{ totp: object | null; recoveryCodes: { unused: number } | null }>('GET', factorsPath, { token });

  it('is set up by its first code: two-step sign-in is on, other sessions end, and ten recovery codes are shown', async () => {
    const user = await addLoggedInUser(app);
    const other = (await login(app, user.email)).data;
    expect((await factorsOf(user.accessToken)).data).toEqual({ totp: null, recoveryCodes: null, passkeys: [] });
    const secret = await beginTotp(app, { token: user.accessToken });
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const { status, data } = await confirmTotp(app, { token: user.accessToken }, secret);
    expect(status).toBe(200);
    expect(new Set(data.recoveryCodes).size).toBe(10);
    expect((await sessionOf(data.accessToken)).data.acr).toBe('2');
    for (const token of [user.accessToken, other.accessToken]) expect((await sessionOf(token)).status).toBe(401);
    expect((await factorsOf(data.accessToken)).data).toMatchObject({ totp: {}, recoveryCodes: { unused: 10 } });
    expect((await login(app, user.email)).data.step).toBe('second_factor');
    expect(await mailsTo(app, user.email)).toContain('second_factor_added');
    expect(await auditActionsOf(app, user.email)).toContain('factor.enrolled');
  });

  it('is described by a link and a picture that an app reads', async () => {
    const { accessToken: token, email } = await addLoggedInUser(app);
    const { data } = await app.send<{ secret: string; uri: string; qrSvg: string }>('POST', totpPath, {
      token,
      json: {},
    });
    const uri = new URL(data.uri);
    expect([uri.protocol, uri.host]).toEqual(['otpauth:', 'totp']);
    expect(decodeURIComponent(uri.pathname)).toContain(`:${email}`);
    expect(uri.searchParams.get('secret')).toBe(data.secret);
    expect(data.qrSvg).toMatch(/^<svg [^>]*>/);
    expect(data.qrSvg).not.toMatch(/style|script|on\w+=/);
  });

  it('that was not confirmed asks for nothing, and leaves an earlier one as it is', async () => {
    const fresh = await addLoggedInUser(app);
    await beginTotp(app, { token: fresh.accessToken });
    expect((await login(app, fresh.email)).data.step).toBeUndefined();
    const user = await addTotpUser(app);
    await beginTotp(app, { token: user.accessToken });
    app.clock.advance(stepMs);
    const { ticket } = (await login(app, user.email)).data;
    expect((await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).status).toBe(200);
  });

  it('is not confirmed by a wrong code, twice, or a day later', async () => {
    const { accessToken: token } = await addLoggedInUser(app);
    expect(await confirmTotp(app, { token }, 'A'.repeat(32))).toMatchObject({ code: 'enrollment_expired' });
    const secret = await beginTotp(app, { token });
    expect(await confirmTotp(app, { token }, 'A'.repeat(32))).toMatchObject({ status: 401, code: 'invalid_code' });
    const both = await Promise.all([confirmTotp(app, { token }, secret), confirmTotp(app, { token }, secret)]);
    expect(both.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1);
  });

  it('replaces an earlier one, whose codes end; the recovery codes live', async () => {
    const user = await addTotpUser(app);
    const secret = await beginTotp(app, { token: user.accessToken });
    const { data } = await confirmTotp(app, { token: user.accessToken }, secret);
    expect(data.recoveryCodes).toBeUndefined();
    app.clock.advance(stepMs);
    const { ticket } = (await login(app, user.email)).data;
    expect(await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).toMatchObject({
      code: 'invalid_code',
    });
    const [recoveryCode = ''] = user.recoveryCodes;
    expect((await proveSecondFactor(app, ticket, { recoveryCode })).status).toBe(200);
  });

  it('is removed with the recovery codes; the password is enough again, and other sessions end', async () => {
    const user = await addTotpUser(app);
    app.clock.advance(stepMs);
    const { ticket } = (await login(app, user.email)).data;
    const other = (await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).data;
    const removed = await app.send<{ accessToken: string }>('DELETE', totpPath, { token: user.accessToken });
    expect(removed.status).toBe(200);
    expect((await sessionOf(other.accessToken)).status).toBe(401);
    expect((await factorsOf(removed.data.accessToken)).data).toEqual({ totp: null, recoveryCodes: null, passkeys: [] });
    expect((await login(app, user.email)).data.accessToken).toBeDefined();
    expect(await mailsTo(app, user.email)).toContain('second_factor_removed');
    const again = await app.send('DELETE', totpPath, { token: removed.data.accessToken });
    expect(again).toMatchObject({ status: 409, code: 'no_second_factor' });
  });

  it('has recovery codes that are replaced as a whole', async () => {
    const user = await addTotpUser(app);
    const token = user.accessToken;
    const made = await app.send<{ recoveryCodes: string[] }>('POST', codesPath, { token, json: {} });
    expect(made.status).toBe(200);
    const { ticket } = (await login(app, user.email)).data;
    const [old = ''] = user.recoveryCodes;
    expect(await proveSecondFactor(app, ticket, { recoveryCode: old })).toMatchObject({ code: 'invalid_code' });
    const [fresh = ''] = made.data.recoveryCodes;
    expect((await proveSecondFactor(app, ticket, { recoveryCode: fresh })).status).toBe(200);
    expect((await factorsOf(token)).data.recoveryCodes?.unused).toBe(9);
    expect(await mailsTo(app, user.email)).toContain('recovery_codes_made');
    const { accessToken: plain } = await addLoggedInUser(app);
    expect(await app.send('POST', codesPath, { token: plain, json: {} })).toMatchObject({ code: 'no_second_factor' });
  });

  it('stays when the password is recovered by mail', async () => {
    const user = await addTotpUser(app);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email: user.email } });
    const token = await storedLinkToken(app, await userIdOf(app, user.email), 'reset_password');
    const password = 'another horse, another battery';
    expect((await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password } })).status).toBe(200);
    expect((await login(app, user.email, { password })).data.step).toBe('second_factor');
  });

  it('that was set up after a change of address goes when the owner undoes the change; an earlier one stays', async () => {
    for (const order of ['before', 'after'] as const) {
      const { accessToken, email } = order === 'before' ? await addTotpUser(app) : await addLoggedInUser(app);
      const userId = await userIdOf(app, email);
      const json = { newEmail: `moved.${order}.${email}`, currentPassword: validPassword };
      await app.send('POST', '/api/v1/users/me/email', { token: accessToken, json });
      const confirm = await storedLinkToken(app, userId, 'confirm_email_change');
      await app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token: confirm } });
      app.clock.advance(1_000);
      if (order === 'after') {
        const { accessToken: token } = (await login(app, json.newEmail)).data;
        expect((await confirmTotp(app, { token }, await beginTotp(app, { token }))).status).toBe(200);
      }
      const token = await storedLinkToken(app, userId, 'undo_email_change');
      const password = 'another horse, another battery';
      const undone = await app.send('POST', '/api/v1/auth/undo-email-change', { json: { token, password } });
      expect(undone.status).toBe(200);
      const { step } = (await login(app, email, { password })).data;
      expect(step).toBe(order === 'before' ? 'second_factor' : undefined);
    }
  });

  it('is reset by an operator, for a user who lost it', async () => {
    const user = await addTotpUser(app);
    const userId = await userIdOf(app, user.email);
    expect(await resetFactors(app.services, operator, userId)).toMatchObject({ kind: 'changed' });
    expect((await sessionOf(user.accessToken)).status).toBe(401);
    expect((await login(app, user.email)).data.accessToken).toBeDefined();
    expect(await resetFactors(app.services, operator, userId)).toMatchObject({ kind: 'unchanged' });
    expect(await mailsTo(app, user.email)).toContain('second_factor_removed');
  });
});

describe('a session that is older than five minutes', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open();
  });
  afterAll(() => app.close());

  it.each([
    ['POST', totpPath],
    ['POST', `${totpPath}/confirm`],
    ['DELETE', totpPath],
    ['POST', codesPath],
  ])('cannot %s %s before a step-up', async (method, path) => {
    const email = await addVerifiedUser(app);
    const { accessToken: token } = (await login(app, email)).data;
    const json = path.endsWith('confirm') ? { code: '123456' } : {};
    app.clock.advance(301_000);
    const refused = await app.send(method, path, method === 'DELETE' ? { token } : { token, json });
    expect(refused).toMatchObject({ status: 401, code: 'step_up_required' });
    expect(refused.headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_user_authentication", max_age="300"',
    );
    const stepped = await app.send<{ accessToken: string }>('POST', '/api/v1/auth/step-up', {
      token,
      json: { password: validPassword },
    });
    expect(stepped.status).toBe(200);
    const again = { token: stepped.data.accessToken };
    const next = await app.send(method, path, method === 'DELETE' ? again : { ...again, json });
    expect(next.code).not.toBe('step_up_required');
  });
});
