import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { auditActionsOf, sessionEndReasons } from '#test/support/stored-login.ts';
import {
  addCookieSession,
  addLoggedInUser,
  isAccepted,
  login,
  mailsTo,
  sameOrigin,
} from '#test/support/user-actions.ts';

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

function post(path: string, token: string) {
  return app.send<{ readonly endedSessions?: number }>('POST', `/api/v1/auth/${path}`, { token });
}

async function refreshCode(refreshToken: string): Promise<string | undefined> {
  return (await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } })).code;
}

const expired = (name: string) => `latchkey_${name}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0`;

describe('POST /api/v1/auth/logout', () => {
  it('200 ends the session and rejects its tokens from the response on', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect((await post('logout', accessToken)).status).toBe(200);
    expect(await isAccepted(app, accessToken)).toBe(false);
    expect(await refreshCode(refreshToken)).toBe('invalid_refresh_token');
    expect(await sessionEndReasons(app, email)).toEqual(['logout']);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('session.logged_out');
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
  });

  it('200 is applied by another node with its next poll of the feed', async () => {
    const { accessToken } = await addLoggedInUser(app);
    expect(await isAccepted(otherNode, accessToken)).toBe(true);
    await post('logout', accessToken);
    await otherNode.services.revocations.read();
    expect(await isAccepted(otherNode, accessToken)).toBe(false);
  });

  it('200 keeps other sessions of the user', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const other = (await login(app, email)).data;
    await post('logout', accessToken);
    expect(await isAccepted(app, other.accessToken)).toBe(true);
  });

  it('200 for a cookie session expires our cookies by name, leaves other storage alone, and keeps the device known', async () => {
    const { cookie } = await addCookieSession(app);
    const response = await app.send('POST', '/api/v1/auth/logout', { cookie, headers: sameOrigin });
    expect(response.status).toBe(200);
    expect(response.cookies).toEqual([expired('session'), expired('login')]);
    expect(response.headers.has('clear-site-data')).toBe(false);
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
  });

  it('401 for the second request', async () => {
    const { accessToken } = await addLoggedInUser(app);
    await post('logout', accessToken);
    expect((await post('logout', accessToken)).status).toBe(401);
  });

  it('200 for ten concurrent requests, with one audit event', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const responses = await Promise.all(Array.from({ length: 10 }, () => post('logout', accessToken)));
    expect(responses.every(({ status }) => status === 200 || status === 401)).toBe(true);
    const events = (await auditActionsOf(app, email)).filter((action) => action === 'session.logged_out');
    expect(events).toHaveLength(1);
  });
});

describe('POST /api/v1/auth/logout-all', () => {
  it('200 ends every token and cookie session of the user and returns their number', async () => {
    const user = await addLoggedInUser(app);
    const second = (await login(app, user.email)).data;
    const byCookie = await login(app, user.email, { transport: 'cookie' });
    const cookie = byCookie.cookies.map((text) => text.split(';')[0]).join('; ');
    const response = await post('logout-all', user.accessToken);
    expect([response.status, response.data]).toEqual([200, { endedSessions: 3 }]);
    expect(response.cookies).toEqual([expired('session'), expired('login'), expired('device')]);
    for (const token of [user.accessToken, second.accessToken]) expect(await isAccepted(app, token)).toBe(false);
    for (const token of [user.refreshToken, second.refreshToken]) {
      expect(await refreshCode(token)).toBe('invalid_refresh_token');
    }
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
    expect((await auditActionsOf(app, user.email)).at(-1)).toBe('session.logged_out_everywhere');
  });

  it('200 is applied by another node with its next poll of the feed', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const second = (await login(otherNode, email)).data;
    expect(await isAccepted(otherNode, second.accessToken)).toBe(true);
    await post('logout-all', accessToken);
    await otherNode.services.revocations.read();
    expect(await isAccepted(otherNode, second.accessToken)).toBe(false);
  });

  it('200 revokes the known devices and keeps the sessions of other users', async () => {
    const [user, other] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    await post('logout-all', user.accessToken);
    expect(await isAccepted(app, other.accessToken)).toBe(true);
    const again = await login(app, user.email, { deviceToken: user.deviceToken });
    expect(again.status).toBe(200);
    expect(again.data.deviceToken).not.toBe(user.deviceToken);
  });

  it('200 keeps later logins possible', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await post('logout-all', accessToken);
    const { data } = await login(app, email);
    expect(await isAccepted(app, data.accessToken)).toBe(true);
    expect(await isAccepted(otherNode, data.accessToken)).toBe(true);
  });
});
