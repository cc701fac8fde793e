import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { loginByLink, loginMethodsEnabled, requestLink, requestLinkInBrowser } from '#test/support/login-by-mail.ts';
import { awaitMailRequests } from '#test/support/mail-requests.ts';
import { PageBrowser } from '#test/support/page-browser.ts';
import { auditActionsOf, sessionEndReasons } from '#test/support/stored-login.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  cookieHeader,
  isAccepted,
  login,
  mailsTo,
  newestMailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
} from '#test/support/user-actions.ts';
import { setStatus, userIdOf } from '#test/support/user-status.ts';
import { eventually } from '#test/support/wait.ts';

const path = '/login/magic-link';
const requestPath = '/api/v1/auth/login/magic-link';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

/** A user who requested a link by tokens. */
async function addUserWithLink() {
  const email = await addVerifiedUser(app);
  const { data } = await requestLink(app, email);
  return { email, token: await newestMailedToken(app, email, path), browserToken: data.browserToken ?? '' };
}

/** A user who requested a link in a browser. */
async function addUserWithLinkInBrowser() {
  const email = await addVerifiedUser(app);
  const cookie = await requestLinkInBrowser(app, email);
  return { email, cookie, token: await newestMailedToken(app, email, path) };
}

const show = (token: string, cookie?: string) =>
  app.send('GET', `${path}?token=${token}`, cookie === undefined ? {} : { cookie });
const press = (token: string, cookie?: string) =>
  app.send('POST', path, { form: { token }, headers: sameOrigin, ...(cookie === undefined ? {} : { cookie }) });

describe('POST /api/v1/auth/login/magic-link', () => {
  it('202 by token returns the browser secret, and sets no cookie', async () => {
    const { status, data, cookies } = await requestLink(app, await addVerifiedUser(app));
    expect([status, cookies, data.status, data.expiresIn]).toEqual([202, [], 'link_sent', 600]);
    expect(data.browserToken).toMatch(/^lk_lb_/);
  });

  it('202 without a transport is by cookie for a page of ours, so that its link works there, else by token', async () => {
    const json = { email: await addVerifiedUser(app) };
    const own = await app.send<{ readonly browserToken?: string }>('POST', requestPath, { json, headers: sameOrigin });
    expect([own.status, own.data.browserToken, own.cookies.length]).toEqual([202, undefined, 1]);
    const other = await app.send<{ readonly browserToken?: string }>('POST', requestPath, { json });
    expect([other.data.browserToken, other.cookies]).toEqual([expect.stringMatching(/^lk_lb_/), []]);
  });

  it('202 by cookie sets it HttpOnly and SameSite, for half an hour, and returns none', async () => {
    const { status, data, cookies } = await requestLink(app, await addVerifiedUser(app), { transport: 'cookie' });
    expect([status, data.browserToken, cookies.length]).toEqual([202, undefined, 1]);
    expect(cookies[0]).toMatch(/^latchkey_login=lk_lb_[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Expires=[^;]+$/);
    const expires = new Date(/Expires=(.*)$/.exec(cookies[0] ?? '')?.[1] ?? '').getTime();
    expect(Math.abs(expires - app.clock.now().getTime() - 1_800_000)).toBeLessThan(5_000);
  });

  it('202 keeps the secret of a browser that requests twice, and rejects a forged one', async () => {
    const email = await addVerifiedUser(app);
    const cookie = await requestLinkInBrowser(app, email);
    const again = await requestLink(app, email, { transport: 'cookie' }, cookie);
    expect(cookieHeader(again.cookies)).toBe(cookie);
    const forged = await requestLink(app, email, { transport: 'cookie' }, 'latchkey_login=chosen-by-an-attacker');
    expect(cookieHeader(forged.cookies)).toMatch(/^latchkey_login=lk_lb_/);
  });

  it('202 sends nothing to an unverified address or to a disabled user', async () => {
    const unverified = uniqueEmail();
    await register(app, unverified);
    const disabled = await addVerifiedUser(app);
    await setStatus(app, disabled, 'disabled');
    for (const email of [unverified, disabled]) {
      expect((await requestLink(app, email)).status).toBe(202);
      await awaitMailRequests(app);
      expect(await mailsTo(app, email)).not.toContain('magic_link');
      expect((await auditActionsOf(app, email)).at(-1)).toBe('login.link_requested');
    }
  });
});

describe('POST /api/v1/auth/login/magic-link/verify', () => {
  it('200 issues the same as a password: session, tokens, device, event, and the notice of a new device', async () => {
    const email = await addVerifiedUser(app);
    const { deviceToken } = (await login(app, email)).data;
    const requested = await requestLink(app, email);
    const { browserToken } = requested.data;
    const { status, data, cookies } = await loginByLink(app, await newestMailedToken(app, email, path), {
      browserToken,
    });
    expect([status, cookies]).toEqual([200, []]);
    expect(await isAccepted(app, data.accessToken)).toBe(true);
    const claims = JSON.parse(Buffer.from(data.accessToken.split('.')[1] ?? '', 'base64url').toString('utf8'));
    expect(claims).toMatchObject({ amr: ['otp'], acr: '1' });
    expect(data.deviceToken).not.toBe(deviceToken);
    expect(await mailsTo(app, email)).toContain('new_device');
    expect((await auditActionsOf(app, email)).slice(-2)).toEqual(['login.link_requested', 'login.succeeded']);
  });

  it('200 on a known device keeps it and sends no notice', async () => {
    const { email, deviceToken } = await addLoggedInUser(app);
    const { browserToken } = (await requestLink(app, email)).data;
    const { data } = await loginByLink(app, await newestMailedToken(app, email, path), { browserToken, deviceToken });
    expect(data.deviceToken).toBe(deviceToken);
    expect(await mailsTo(app, email)).not.toContain('new_device');
  });

  it('400 the second time', async () => {
    const { token, browserToken } = await addUserWithLink();
    expect((await loginByLink(app, token, { browserToken })).status).toBe(200);
    expect((await loginByLink(app, token, { browserToken })).code).toBe('invalid_token');
  });

  it('200 for exactly one of twenty concurrent requests, with one session', async () => {
    const { email, token, browserToken } = await addUserWithLink();
    const responses = await Promise.all(Array.from({ length: 20 }, () => loginByLink(app, token, { browserToken })));
    expect(responses.filter(({ status }) => status === 200).length).toBe(1);
    expect(responses.filter(({ code }) => code === 'invalid_token').length).toBe(19);
    expect(await sessionEndReasons(app, email)).toEqual([null]);
  });

  it('403 in another browser and without a browser secret; the link remains usable in the right one', async () => {
    const { email, token, browserToken } = await addUserWithLink();
    const other = (await requestLink(app, await addVerifiedUser(app))).data.browserToken;
    for (const fields of [{}, { browserToken: other }, { browserToken: `${browserToken}x` }]) {
      expect(await loginByLink(app, token, fields)).toMatchObject({ status: 403, code: 'other_browser' });
    }
    expect((await auditActionsOf(app, email)).at(-1)).toBe('login.refused');
    expect((await loginByLink(app, token, { browserToken })).status).toBe(200);
  });

  it('400 after ten minutes, and not before', async () => {
    const { token, browserToken } = await addUserWithLink();
    const late = await addUserWithLink();
    app.clock.advance(590_000);
    expect((await loginByLink(app, token, { browserToken })).status).toBe(200);
    app.clock.advance(10_000);
    expect((await loginByLink(app, late.token, { browserToken: late.browserToken })).code).toBe('invalid_token');
  });

  it('400 in a later epoch', async () => {
    const { email, token, browserToken } = await addUserWithLink();
    const { accessToken } = (await login(app, email)).data;
    await app.send('POST', '/api/v1/auth/logout-all', { token: accessToken });
    expect((await loginByLink(app, token, { browserToken })).code).toBe('invalid_token');
    const disabled = await addUserWithLink();
    await setStatus(app, disabled.email, 'disabled');
    const fields = { browserToken: disabled.browserToken };
    expect((await loginByLink(app, disabled.token, fields)).code).toBe('invalid_token');
  });

  it('400 for the link of another purpose', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const browserToken = (await requestLink(app, email)).data.browserToken;
    const token = await newestMailedToken(app, email, '/verify-email');
    expect((await loginByLink(app, token, { browserToken })).code).toBe('invalid_token');
  });

  it('200 of a user pending deletion has a step and a ticket, and neither session nor cookie', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json: { currentPassword: validPassword } });
    const { browserToken } = (await requestLink(app, email)).data;
    const token = await newestMailedToken(app, email, path);
    const { data, cookies } = await loginByLink(app, token, { browserToken });
    expect([data.step, data.sessionId, data.accessToken, cookies]).toEqual([
      'cancel_deletion',
      undefined,
      undefined,
      [],
    ]);
    expect((await loginByLink(app, token, { browserToken })).code).toBe('invalid_token');
    const canceled = await app.send('POST', '/api/v1/auth/cancel-deletion', { json: { ticket: data.ticket } });
    expect(canceled.status).toBe(200);
  });
});

describe('/login/magic-link', () => {
  it('GET changes nothing, POST logs this browser in by cookie and keeps its login cookie', async () => {
    const { email, cookie, token } = await addUserWithLinkInBrowser();
    for (const _ of [1, 2]) expect((await show(token, cookie)).text).toContain('<form method="post"');
    const pressed = await press(token, cookie);
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/account']);
    expect(pressed.cookies.map((one) => one.split('=')[0])).toEqual([
      'latchkey_session',
      'latchkey_device',
      'latchkey_ticket',
    ]);
    for (const expired of pressed.cookies.slice(2)) expect(expired).toContain('Max-Age=0');
    const session = await app.send('GET', '/api/v1/auth/session', { cookie: cookieHeader(pressed.cookies) });
    expect(session).toMatchObject({ status: 200, data: { userId: await userIdOf(app, email), amr: ['otp'] } });
    expect([(await show(token, cookie)).status, (await press(token, cookie)).status]).toEqual([400, 400]);
  });

  it('403 in another browser explains why, in the user’s language, and the link remains usable', async () => {
    const { cookie, token } = await addUserWithLinkInBrowser();
    const other = await addUserWithLinkInBrowser();
    for (const elsewhere of [undefined, other.cookie]) {
      for (const response of [await show(token, elsewhere), await press(token, elsewhere)]) {
        expect(response.status).toBe(403);
        expect(response.text).toContain('works only in the browser in which you asked for it');
        expect(response.cookies.join()).not.toContain('latchkey_session');
      }
    }
    expect((await press(token, cookie)).status).toBe(303);
  });

  it('403 for a form that another site sends, also with the cookie', async () => {
    const { cookie, token } = await addUserWithLinkInBrowser();
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await app.send('POST', path, { form: { token }, headers, cookie })).status).toBe(403);
    expect((await press(token, cookie)).status).toBe(303);
  });

  it('one of several that a browser waits for leaves the others usable', async () => {
    const [one, another] = [await addVerifiedUser(app), await addVerifiedUser(app)];
    const browser = new PageBrowser(app);
    for (const email of [one, another]) {
      await browser.open('/login');
      await browser.submit('/login', { email, password: '', act: 'magic_link' });
    }
    const tokens = [await newestMailedToken(app, one, path), await newestMailedToken(app, another, path)];
    for (const [index, token] of tokens.entries()) {
      await browser.open(`${path}?token=${token}`);
      const pressed = await browser.submit(path);
      expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/account']);
      expect((await browser.follow(pressed)).text).toContain([one, another][index]);
    }
    expect(browser.cookieNames).toContain('latchkey_login');
  });

  it('offers a new link in a browser that did not ask for this one, and when it no longer works', async () => {
    const email = await addVerifiedUser(app);
    await requestLinkInBrowser(app, email);
    const token = await newestMailedToken(app, email, path);
    const browser = new PageBrowser(app);
    for (const [text, status] of [
      [token, 403],
      [`${token.slice(0, -1)}_`, 400],
    ] as const) {
      expect((await browser.open(`${path}?token=${text}`)).status).toBe(status);
      expect((await browser.submit('/login', { email })).text).toContain('a sign-in link is on its way');
    }
    const renewed = await eventually(
      async () => {
        const newest = await newestMailedToken(app, email, path);
        return newest === token ? undefined : newest;
      },
      { what: 'a new link was mailed' },
    );
    await browser.open(`${path}?token=${renewed}`);
    expect((await browser.submit(path)).status).toBe(303);
  });

  it('303 of a user pending deletion leads to the page that cancels it', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json: { currentPassword: validPassword } });
    const cookie = await requestLinkInBrowser(app, email);
    const pressed = await press(await newestMailedToken(app, email, path), cookie);
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/login/cancel-deletion']);
    expect(pressed.cookies.map((one) => one.split('=')[0])).toEqual(['latchkey_ticket']);
    expect(pressed.cookies.join()).not.toContain('latchkey_session');
  });

  it('is in the user’s language', async () => {
    const email = await addVerifiedUser(app, { locale: 'de' });
    const cookie = await requestLinkInBrowser(app, email);
    const token = await newestMailedToken(app, email, path);
    expect((await show(token)).text).toContain('nur in dem Browser, in dem Sie ihn angefordert haben');
    expect((await show(token, cookie)).text).toContain('Ja, anmelden');
  });
});

describe('where links are not enabled', () => {
  it('404 for a request, the page and a login', async () => {
    const { token, browserToken } = await addUserWithLink();
    const disabledNode = await Application.open({ deploymentOf: app, env: { LATCHKEY_EMAIL_CODE: '1' } });
    const requested = await disabledNode.send('POST', requestPath, { json: { email: uniqueEmail() } });
    const used = await loginByLink(disabledNode, token, { browserToken });
    expect([requested.code, used.code]).toEqual(['not_enabled', 'not_enabled']);
    expect((await disabledNode.send('GET', `${path}?token=${token}`)).status).toBe(404);
    expect((await disabledNode.send('POST', path, { form: { token }, headers: sameOrigin })).status).toBe(404);
    await disabledNode.close();
  });
});
