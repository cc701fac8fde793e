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

type Closed = AppResponse<{ readonly deletesAt: string }>;

function close(token: string, currentPassword = validPassword, node = app): Promise<Closed> {
  return node.send('DELETE', path, { token, json: { currentPassword } });
}

async function refreshCode(refreshToken: string): Promise<string | undefined> {
  return (await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } })).code;
}

describe('DELETE /api/v1/users/me', () => {
  it('200 says until when the account can be kept, tells its owner, and records it', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const { status, data } = await close(accessToken);
    expect(status).toBe(200);
    const days = (new Date(data.deletesAt).getTime() - app.clock.now().getTime()) / dayMs;
    expect(days).toBeCloseTo(7, 3);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'account_deletion_scheduled']);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('account.deletion_scheduled');
    const [, mail] = await messagesTo(app, email, 2);
    expect(mail?.links[0]).toMatch(/^http:\/\/localhost:3000\/cancel-deletion\?token=lk_ot_/);
  });

  it('200 ends every session, by token and by cookie, here at once and on another node with its feed', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    const other = (await login(app, email)).data;
    expect(await isAccepted(otherNode, other.accessToken)).toBe(true);
    await close(accessToken);
    for (const token of [accessToken, other.accessToken]) expect(await isAccepted(app, token)).toBe(false);
    for (const token of [refreshToken, other.refreshToken])
      expect(await refreshCode(token)).toBe('invalid_refresh_token');
    await otherNode.services.revocations.read();
    expect(await isAccepted(otherNode, other.accessToken)).toBe(false);
    expect(await sessionEndReasons(app, email)).toEqual(['account_deleted', 'account_deleted']);
  });

  it('200 by cookie expires session and device, and clears the site’s storage', async () => {
    const { cookie } = await addCookieSession(app);
    const json = { currentPassword: validPassword };
    const answer = await app.send('DELETE', path, { cookie, json, headers: sameOrigin });
    expect(answer.status).toBe(200);
    expect(answer.cookies).toHaveLength(2);
    expect(answer.cookies.join()).toMatch(/latchkey_session=;.*latchkey_device=;/);
    expect(answer.headers.get('clear-site-data')).toBe('"storage"');
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
  });

  it('200 keeps the address: nobody registers it while the account can be kept', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await close(accessToken);
    expect((await register(app, email)).status).toBe(201);
    expect((await mailsTo(app, email)).at(-1)).toBe('already_registered');
  });

  it('200 leaves other users alone', async () => {
    const [user, other] = [await addLoggedInUser(app), await addLoggedInUser(app)];
    await close(user.accessToken);
    expect(await isAccepted(app, other.accessToken)).toBe(true);
  });

  it('200 and no refresh that was under way brings a session back', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    const refreshing = Array.from({ length: 5 }, () =>
      otherNode.send<{ readonly accessToken: string; readonly refreshToken: string }>('POST', '/api/v1/auth/refresh', {
        json: { refreshToken },
      }),
    );
    const closed = await close(accessToken);
    const answers = await Promise.all(refreshing);
    expect(
      [closed.status, ...answers.map(({ status }) => status)].every((status) => status === 200 || status === 401),
    ).toBe(true);
    await otherNode.services.revocations.read();
    for (const { status, data } of answers) {
      if (status !== 200) continue;
      expect(await isAccepted(otherNode, data.accessToken)).toBe(false);
      expect(await refreshCode(data.refreshToken)).toBe('invalid_refresh_token');
    }
    expect(await sessionEndReasons(app, email)).toEqual(['account_deleted']);
  });

  it('403 for a wrong password, which counts like one at a login, and the session lives on', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    expect((await close(accessToken, 'not the password')).code).toBe('invalid_password');
    expect(await failedAttemptsOf(app, email)).toBe(1);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('account.deletion_refused');
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect((await close(accessToken)).status).toBe(200);
    expect(await failedAttemptsOf(app, email)).toBe(0);
  });

  it('403 for a write by cookie from another site', async () => {
    const { cookie } = await addCookieSession(app);
    const json = { currentPassword: validPassword };
    const { code } = await app.send('DELETE', path, { cookie, json, headers: { 'sec-fetch-site': 'cross-site' } });
    expect(code).toBe('cross_site_request');
  });

  it('401 the second time', async () => {
    const { accessToken } = await addLoggedInUser(app);
    await close(accessToken);
    expect((await close(accessToken)).code).toBe('not_authenticated');
  });
});

describe('DELETE /api/v1/users/me with LATCHKEY_DELETION_GRACE_DAYS', () => {
  it('200 promises as many days', async () => {
    const node = await Application.open({ deploymentOf: app, env: { LATCHKEY_DELETION_GRACE_DAYS: '30' } });
    const { accessToken } = await addLoggedInUser(app);
    const { data } = await close(accessToken, validPassword, node);
    await node.close();
    expect((new Date(data.deletesAt).getTime() - app.clock.now().getTime()) / dayMs).toBeCloseTo(30, 3);
  });

  it('200 with 0 cannot be kept from the answer on: a login is one of nobody', async () => {
    const node = await Application.open({ deploymentOf: app, env: { LATCHKEY_DELETION_GRACE_DAYS: '0' } });
    const { email, accessToken } = await addLoggedInUser(app);
    await close(accessToken, validPassword, node);
    await node.close();
    expect((await mailsTo(app, email)).at(-1)).toBe('account_deleted');
    expect((await login(app, email)).code).toBe('invalid_credentials');
  });
});
