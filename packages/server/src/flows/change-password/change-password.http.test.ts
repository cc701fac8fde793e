import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import { auditActionsOf, beforeEachHash, failedAttemptsOf, sessionEndReasons } from '#test/support/stored-login.ts';
import {
  addCookieSession,
  addLoggedInUser,
  addVerifiedUser,
  cookieHeader,
  isAccepted,
  login,
  mailedToken,
  mailsTo,
  messagesTo,
  sameOrigin,
  type Tokens,
  validPassword,
} from '#test/support/user-actions.ts';

const newPassword = 'another good password';
const right = { currentPassword: validPassword, newPassword };
const wrong = { currentPassword: 'not the right password', newPassword };
const path = '/api/v1/users/me/password';

let app: Application;
let otherNode: Application;

beforeAll(async () => {
  app = await Application.open();
  otherNode = await Application.open({ deploymentOf: app });
  return async () => {
    await otherNode.close();
    await app.close();
  };
});

function change(token: string, json: Readonly<Record<string, unknown>> = right): Promise<AppResponse<Tokens>> {
  return app.send<Tokens>('POST', path, { token, json });
}

function claimsOf(accessToken: string): Readonly<Record<string, unknown>> {
  const payload = Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  return JSON.parse(payload) as Readonly<Record<string, unknown>>;
}

/** The expiry of the session. */
function endOf(data: Tokens): unknown {
  return 'expiresAt' in data ? data.expiresAt : undefined;
}

const refresh = (refreshToken: string) => app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });

describe('POST /api/v1/users/me/password', () => {
  it('200 sets the new password and rejects the old one', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    expect((await change(accessToken)).status).toBe(200);
    expect((await login(app, email)).code).toBe('invalid_credentials');
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('200 continues the session under a new id with new tokens and revokes the old ones', async () => {
    const { email, ...before } = await addLoggedInUser(app);
    const { data } = await change(before.accessToken);
    expect(data.sessionId).not.toBe(before.sessionId);
    expect(await isAccepted(app, data.accessToken)).toBe(true);
    expect((await refresh(data.refreshToken)).status).toBe(200);
    expect(await isAccepted(app, before.accessToken)).toBe(false);
    expect((await refresh(before.refreshToken)).code).toBe('invalid_refresh_token');
    expect(await sessionEndReasons(app, email)).toEqual(['password_changed', null]);
  });

  it('200 ends every other session, on another node from its next poll of the feed on', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const other = (await login(app, email)).data;
    const byCookie = await login(app, email, { transport: 'cookie' });
    expect(await isAccepted(otherNode, other.accessToken)).toBe(true);
    const { data } = await change(accessToken);
    expect(await isAccepted(app, other.accessToken)).toBe(false);
    expect((await refresh(other.refreshToken)).code).toBe('invalid_refresh_token');
    const cookie = cookieHeader(byCookie.cookies);
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
    await otherNode.services.revocations.read();
    expect(await isAccepted(otherNode, other.accessToken)).toBe(false);
    expect(await isAccepted(otherNode, data.accessToken)).toBe(true);
  });

  it('200 keeps `auth_time`, `amr`, `acr` and the expiry of the session', async () => {
    const before = (await login(app, await addVerifiedUser(app))).data;
    const { auth_time, amr, acr } = claimsOf(before.accessToken);
    app.clock.advance(60_000);
    const { data } = await change(before.accessToken);
    expect(endOf(data)).toEqual(expect.any(String));
    expect(endOf(data)).toBe(endOf(before));
    expect(claimsOf(data.accessToken)).toMatchObject({ auth_time, amr, acr });
  });

  it('200 for a cookie session sets a new cookie, returns no token and revokes the old cookie', async () => {
    const { cookie } = await addCookieSession(app);
    const response = await app.send<Tokens>('POST', path, { cookie, json: right, headers: sameOrigin });
    expect([response.status, Object.keys(response.data).sort()]).toEqual([200, ['expiresAt', 'sessionId', 'userId']]);
    const check = (header: string) => app.send('GET', '/api/v1/auth/session', { cookie: header });
    expect((await check(cookie)).status).toBe(401);
    expect((await check(cookieHeader(response.cookies))).status).toBe(200);
  });

  it('200 for an access token of a cookie session renews the cookie', async () => {
    const { cookie } = await addCookieSession(app);
    const minted = await app.send<Tokens>('POST', '/api/v1/auth/token', { cookie, headers: sameOrigin });
    const response = await change(minted.data.accessToken);
    expect([response.data.accessToken, response.cookies.length]).toEqual([undefined, 2]);
    const renewed = { cookie: cookieHeader(response.cookies) };
    expect((await app.send('GET', '/api/v1/auth/session', renewed)).status).toBe(200);
  });

  it('200 keeps this device known and revokes the others', async () => {
    const { email, accessToken, deviceToken } = await addLoggedInUser(app);
    const other = (await login(app, email)).data;
    const { data } = await change(accessToken);
    expect(data.deviceToken).toBe(deviceToken);
    const again = (token: string) => login(app, email, { password: newPassword, deviceToken: token });
    expect((await again(deviceToken)).data.deviceToken).toBe(deviceToken);
    expect((await again(other.deviceToken)).data.deviceToken).not.toBe(other.deviceToken);
  });

  it('200 sends a notice and records an audit event', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await change(accessToken);
    const [, notice] = await messagesTo(app, email, 2);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'password_changed']);
    expect(notice?.links).toEqual([]);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('password.changed');
  });

  it('200 revokes an earlier reset link', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const token = await mailedToken(app, email, 2);
    await change(accessToken);
    const reset = await app.send('POST', '/api/v1/auth/reset-password', { json: { token, password: validPassword } });
    expect(reset.code).toBe('invalid_token');
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('403 for a wrong current password, which only counts as a failed attempt', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const atHash: number[] = [];
    const stop = beforeEachHash(app, async () => {
      atHash.push(await failedAttemptsOf(app, email));
    });
    expect(await change(accessToken, wrong)).toMatchObject({ status: 403, code: 'invalid_password' });
    expect(await change(accessToken, wrong)).toMatchObject({ status: 403, code: 'invalid_password' });
    stop();
    expect(atHash).toEqual([1, 2]);
    expect(await failedAttemptsOf(app, email)).toBe(2);
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('password.change_refused');
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
    expect((await change(accessToken)).status).toBe(200);
    expect(await failedAttemptsOf(app, email)).toBe(0);
  });

  it.each([newPassword, 'short', 'password1234', ''])(
    'compares five of twenty concurrent wrong passwords, then rejects the right one, with %j as the new one',
    async (chosen) => {
      const { email, accessToken } = await addLoggedInUser(app);
      const guess = () => change(accessToken, { ...wrong, newPassword: chosen });
      const responses = await Promise.all(Array.from({ length: 20 }, guess));
      const codes = responses.map(({ code }) => code);
      expect(codes.filter((code) => code === 'invalid_password')).toHaveLength(5);
      expect(codes.filter((code) => code === 'too_many_requests')).toHaveLength(15);
      expect(await failedAttemptsOf(app, email)).toBe(5);
      expect((await change(accessToken, { ...right, newPassword: chosen })).code).toBe('too_many_requests');
    },
  );

  it('422 for a rejected new password, without a counted attempt', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    for (const newPassword of ['', 'short', 'x'.repeat(4000), 'abcabcabcabc', 'password1234', email]) {
      const { status, errors } = await change(accessToken, { ...right, newPassword });
      expect([status, errors[0]?.path]).toEqual([422, '/newPassword']);
    }
    expect(await failedAttemptsOf(app, email)).toBe(0);
  });

  it('200 for exactly one of twenty concurrent changes by one session', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const passwords = Array.from({ length: 20 }, (_, index) => `the new password ${index}`);
    const nodes = [app, otherNode];
    const send = (chosen: string, index: number) => {
      const json = { currentPassword: validPassword, newPassword: chosen };
      return nodes[index % 2]?.send<Tokens>('POST', path, { token: accessToken, json }) as Promise<AppResponse<Tokens>>;
    };
    const responses = await Promise.all(passwords.map(send));
    const winner = responses.findIndex(({ status }) => status === 200);
    const losers = responses.filter((_, index) => index !== winner).map(({ code }) => code ?? '');
    expect(
      losers.filter((code) => !['not_authenticated', 'invalid_password', 'too_many_requests'].includes(code)),
    ).toEqual([]);
    expect((await login(app, email, { password: passwords[winner] })).status).toBe(200);
    expect((await sessionEndReasons(app, email)).slice(0, 2)).toEqual(['password_changed', null]);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'password_changed', 'new_device']);
    expect((await auditActionsOf(app, email)).filter((action) => action === 'password.changed')).toHaveLength(1);
  });

  it('applies exactly one of concurrent changes and resets on two nodes, and ends the earlier session', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    await app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
    const token = await mailedToken(app, email, 2);
    const chosen = Array.from({ length: 20 }, (_, index) => `the new password ${index}`);
    const responses = await Promise.all(
      chosen.map((password, index) =>
        index % 2 === 0
          ? change(accessToken, { ...right, newPassword: password })
          : otherNode.send('POST', '/api/v1/auth/reset-password', { json: { token, password } }),
      ),
    );
    const winner = responses.findIndex(({ status }) => status === 200);
    const lost = ['not_authenticated', 'invalid_password', 'invalid_token', 'too_many_requests'];
    expect(responses.filter(({ code = '' }) => lost.includes(code))).toHaveLength(19);
    expect((await login(app, email, { password: chosen[winner] })).status).toBe(200);
    expect((await login(app, email)).code).toBe('invalid_credentials');
    for (const node of [app, otherNode]) {
      await node.services.revocations.read();
      expect(await isAccepted(node, accessToken)).toBe(false);
    }
    expect((await refresh(refreshToken)).code).toBe('invalid_refresh_token');
  });

  it('ends every session of a concurrent login with the old password', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const [changed, ...logins] = await Promise.all([
      change(accessToken),
      ...Array.from({ length: 10 }, () => login(otherNode, email)),
    ]);
    expect(changed.status).toBe(200);
    await app.services.revocations.read();
    for (const { status, data } of logins) {
      if (status === 200) expect(await isAccepted(app, data.accessToken)).toBe(false);
    }
    expect(await isAccepted(app, changed.data.accessToken)).toBe(true);
  });
});

describe('a login during a change of the password', () => {
  it('does not restore the old password by a rehash', async () => {
    const stronger = await Application.open({ deploymentOf: app, env: { LATCHKEY_ARGON2_TIME: '2' } });
    const email = await addVerifiedUser(app);
    const { accessToken } = (await login(app, email)).data;
    let hashes = 0;
    const stop = beforeEachHash(stronger, async () => {
      hashes += 1;
      // The second hash is the rehash: the old password matched, and nothing is written yet.
      if (hashes === 2) expect((await change(accessToken)).status).toBe(200);
    });
    await login(stronger, email);
    stop();
    await stronger.close();
    expect(hashes).toBe(2);
    expect((await login(app, email)).code).toBe('invalid_credentials');
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });
});
