import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Application, type RequestOptions } from '#test/support/application.ts';
import { databasesOfFlows } from '#test/support/databases.ts';
import { addTotpUser, codeNow } from '#test/support/second-factors.ts';
import { auditActionsOf, failedAttemptsOf } from '#test/support/stored-login.ts';
import {
  addLoggedInUser,
  cookieHeader,
  login,
  sameOrigin,
  type Tokens,
  validPassword,
} from '#test/support/user-actions.ts';

const path = '/api/v1/auth/step-up';
const stepMs = 30_000;

describe.each(databasesOfFlows)('step-up (%s)', (databaseKind) => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ databaseKind });
  });
  afterAll(() => app.close());

  const factors = async (token: string) => (await app.send<{ factors: string[] }>('GET', path, { token })).data.factors;
  const prove = (sent: RequestOptions, json: object) => app.send<Tokens>('POST', path, { ...sent, json });
  const session = (token: string) =>
    app.send<{ authTime: string; acr: string; amr: string[] }>('GET', '/api/v1/auth/session', { token });

  it('by the password renews the session under a new id, with a new time, and the old one ends', async () => {
    const user = await addLoggedInUser(app);
    app.clock.advance(600_000);
    expect(await factors(user.accessToken)).toEqual(['password']);
    const { status, data } = await prove({ token: user.accessToken }, { password: validPassword });
    expect(status).toBe(200);
    expect(data.sessionId).not.toBe(user.sessionId);
    const renewed = (await session(data.accessToken)).data;
    expect(Date.parse(renewed.authTime)).toBeGreaterThanOrEqual(app.clock.now().getTime() - 5_000);
    expect((await session(user.accessToken)).status).toBe(401);
    const refreshed = await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken: user.refreshToken } });
    expect(refreshed.code).toBe('invalid_refresh_token');
    expect(await auditActionsOf(app, user.email)).toContain('session.stepped_up');
  });

  it('keeps other sessions and the end of this one', async () => {
    const user = await addLoggedInUser(app);
    const other = (await login(app, user.email)).data;
    app.clock.advance(600_000);
    const before = await app.send<{ sessionExpiresAt?: string; expiresAt: string }>('GET', '/api/v1/auth/session', {
      token: user.accessToken,
    });
    expect(before.status).toBe(200);
    const { data } = await prove({ token: user.accessToken }, { password: validPassword });
    expect((await session(other.accessToken)).status).toBe(200);
    expect(data.expiresIn).toBeGreaterThan(0);
  });

  it('by cookie renews the cookie', async () => {
    const user = await addLoggedInUser(app);
    const { cookies } = await login(app, user.email, { transport: 'cookie' });
    const sent = { cookie: cookieHeader(cookies), headers: sameOrigin };
    const renewed = await prove(sent, { password: validPassword });
    expect(renewed.status).toBe(200);
    expect(renewed.cookies.join()).toContain('latchkey_session=');
    expect((await app.send('GET', '/api/v1/auth/session', sent)).status).toBe(401);
  });

  it('of a user with a second factor takes that, and no password', async () => {
    const user = await addTotpUser(app);
    app.clock.advance(stepMs);
    const token = user.accessToken;
    expect(await factors(token)).toEqual(['totp', 'recovery_code']);
    expect(await prove({ token }, { password: validPassword })).toMatchObject({
      status: 403,
      code: 'login_incomplete',
    });
    const { status, data } = await prove({ token }, { code: codeNow(app, user.secret) });
    expect(status).toBe(200);
    expect((await session(data.accessToken)).data).toMatchObject({ acr: '2', amr: ['pwd', 'otp', 'mfa'] });
    const [recoveryCode = ''] = user.recoveryCodes;
    expect((await prove({ token: data.accessToken }, { recoveryCode })).status).toBe(200);
  });

  it('refuses a wrong proof, counts it, and leaves the session as it is', async () => {
    const user = await addLoggedInUser(app);
    const token = user.accessToken;
    expect(await prove({ token }, { password: 'wrong' })).toMatchObject({ status: 403, code: 'invalid_password' });
    expect(await failedAttemptsOf(app, user.email)).toBe(1);
    expect((await session(token)).status).toBe(200);
    expect(await auditActionsOf(app, user.email)).toContain('session.step_up_refused');
    const strong = await addTotpUser(app);
    expect(await prove({ token: strong.accessToken }, { code: '000000' })).toMatchObject({
      status: 401,
      code: 'invalid_code',
    });
    expect((await session(strong.accessToken)).status).toBe(200);
  });

  it('refuses the code of another user, and uses up nothing', async () => {
    const [user, other] = [await addTotpUser(app), await addTotpUser(app)];
    app.clock.advance(stepMs);
    const code = codeNow(app, other.secret);
    expect(await prove({ token: user.accessToken }, { code })).toMatchObject({ code: 'invalid_code' });
    expect((await prove({ token: other.accessToken }, { code })).status).toBe(200);
  });

  it('renews once for twenty concurrent requests', async () => {
    const user = await addLoggedInUser(app);
    const token = user.accessToken;
    const all = await Promise.all(Array.from({ length: 5 }, () => prove({ token }, { password: validPassword })));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(all.map(({ code }) => code))).toEqual(new Set([undefined, 'not_authenticated']));
  });

  it.each([{}, { password: 'x', code: '123456' }, { code: '123456', recoveryCode: 'x' }])(
    '422 for %j',
    async (json) => {
      const { accessToken: token } = await addLoggedInUser(app);
      expect((await prove({ token }, json)).status).toBe(422);
    },
  );

  it('401 without a session', async () => {
    expect(await prove({}, { password: validPassword })).toMatchObject({ status: 401, code: 'not_authenticated' });
  });
});
