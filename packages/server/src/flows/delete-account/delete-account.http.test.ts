import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import { auditActionsOf, failedAttemptsOf, sessionEndReasons } from '#test/support/stored-login.ts';
import {
  addCookieSession,
  addLoggedInUser,
  isAccepted,
  login,
  mailsTo,
  messagesTo,
  register,
  sameOrigin,
  validPassword,
} from '#test/support/user-actions.ts';

const dayMs = 24 * 60 * 60 * 1000;
const path = '/api/v1/users/me';

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

type DeletionResponse = AppResponse<{ readonly deletesAt: string }>;

function deleteAccount(token: string, currentPassword = validPassword, node = app): Promise<DeletionResponse> {
  return node.send('DELETE', path, { token, json: { currentPassword } });
}

async function refreshCode(refreshToken: string): Promise<string | undefined> {
  return (await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } })).code;
}

describe('DELETE /api/v1/users/me', () => {
  it('200 returns the end of the grace period, sends a mail with a link, and records an audit event', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const { status, data } = await deleteAccount(accessToken);
    expect(status).toBe(200);
    const days = (new Date(data.deletesAt).getTime() - app.clock.now().getTime()) / dayMs;
    expect(days).toBeCloseTo(7, 3);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'account_deletion_scheduled']);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('account.deletion_scheduled');
    const [, mail] = await messagesTo(app, email, 2);
    expect(mail?.links[0]).toMatch(/^http:\/\/localhost:5625\/cancel-deletion\?token=lk_ot_/);
  });

  it('200 ends every session, on this node at once and on another node with its next poll of the feed', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    const other = (await login(app, email)).data;
    expect(await isAccepted(otherNode, other.accessToken)).toBe(true);
    await deleteAccount(accessToken);
    for (const token of [accessToken, other.accessToken]) expect(await isAccepted(app, token)).toBe(false);
    for (const token of [refreshToken, other.refreshToken])
      expect(await refreshCode(token)).toBe('invalid_refresh_token');
    await otherNode.services.revocations.read();
    expect(await isAccepted(otherNode, other.accessToken)).toBe(false);
    expect(await sessionEndReasons(app, email)).toEqual(['account_deleted', 'account_deleted']);
  });

  it('200 for a cookie session expires our cookies by name', async () => {
    const { cookie } = await addCookieSession(app);
    const json = { currentPassword: validPassword };
    const response = await app.send('DELETE', path, { cookie, json, headers: sameOrigin });
    expect(response.status).toBe(200);
    expect(response.cookies.map((line) => line.split(';')[0])).toEqual([
      'latchkey_session=',
      'latchkey_login=',
      'latchkey_device=',
    ]);
    expect(response.headers.has('clear-site-data')).toBe(false);
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
  });

  it('200 keeps the address taken during the grace period', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await deleteAccount(accessToken);
    expect((await register(app, email)).status).toBe(201);
    expect((await mailsTo(app, email)).at(-1)).toBe('already_registered');
  });

  it('200 keeps the sessions of other users', async () => {
    const [user, other] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    await deleteAccount(user.accessToken);
    expect(await isAccepted(app, other.accessToken)).toBe(true);
  });

  it('200 ends the session also for a concurrent refresh', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    const refreshing = Array.from({ length: 5 }, () =>
      otherNode.send<{ readonly accessToken: string; readonly refreshToken: string }>('POST', '/api/v1/auth/refresh', {
        json: { refreshToken },
      }),
    );
    const deleted = await deleteAccount(accessToken);
    const responses = await Promise.all(refreshing);
    expect(
      [deleted.status, ...responses.map(({ status }) => status)].every((status) => status === 200 || status === 401),
    ).toBe(true);
    await otherNode.services.revocations.read();
    for (const { status, data } of responses) {
      if (status !== 200) continue;
      expect(await isAccepted(otherNode, data.accessToken)).toBe(false);
      expect(await refreshCode(data.refreshToken)).toBe('invalid_refresh_token');
    }
    expect(await sessionEndReasons(app, email)).toEqual(['account_deleted']);
  });

  it('403 for a wrong password, which counts as a failed attempt and keeps the session', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    expect((await deleteAccount(accessToken, 'not the password')).code).toBe('invalid_password');
    expect(await failedAttemptsOf(app, email)).toBe(1);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('account.deletion_refused');
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect((await deleteAccount(accessToken)).status).toBe(200);
    expect(await failedAttemptsOf(app, email)).toBe(0);
  });

  it('403 for a cookie session from another site', async () => {
    const { cookie } = await addCookieSession(app);
    const json = { currentPassword: validPassword };
    const { code } = await app.send('DELETE', path, { cookie, json, headers: { 'sec-fetch-site': 'cross-site' } });
    expect(code).toBe('cross_site_request');
  });

  it('401 for the second request', async () => {
    const { accessToken } = await addLoggedInUser(app);
    await deleteAccount(accessToken);
    expect((await deleteAccount(accessToken)).code).toBe('not_authenticated');
  });
});

describe('DELETE /api/v1/users/me with LATCHKEY_DELETION_GRACE_DAYS', () => {
  it('200 returns the end of the configured grace period', async () => {
    const node = await Application.open({ deploymentOf: app, env: { LATCHKEY_DELETION_GRACE_DAYS: '30' } });
    const { accessToken } = await addLoggedInUser(app);
    const { data } = await deleteAccount(accessToken, validPassword, node);
    await node.close();
    expect((new Date(data.deletesAt).getTime() - app.clock.now().getTime()) / dayMs).toBeCloseTo(30, 3);
  });

  it('200 with 0 days cannot be canceled: a login gets the response for an unknown user', async () => {
    const node = await Application.open({ deploymentOf: app, env: { LATCHKEY_DELETION_GRACE_DAYS: '0' } });
    const { email, accessToken } = await addLoggedInUser(app);
    await deleteAccount(accessToken, validPassword, node);
    await node.close();
    expect((await mailsTo(app, email)).at(-1)).toBe('account_deleted');
    expect((await login(app, email)).code).toBe('invalid_credentials');
  });
});
