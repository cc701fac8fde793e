import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import { awaitMailRequests } from '#test/support/mail-requests.ts';
import { foreignScripts } from '#test/support/markup.ts';
import { auditActionsOf, failedAttemptsOf, sessionEndReasons } from '#test/support/stored-login.ts';
import {
  addCookieSession,
  addLoggedInUser,
  addVerifiedUser,
  isAccepted,
  login,
  mailedToken,
  mailsTo,
  messagesTo,
  register,
  sameOrigin,
  uniqueEmail,
  verifyEmail,
} from '#test/support/user-actions.ts';
import { setStatus } from '#test/support/user-status.ts';

const newPassword = 'another good password';
const hourMs = 60 * 60 * 1000;

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

function forgot(email: string): Promise<AppResponse> {
  return app.send('POST', '/api/v1/auth/forgot-password', { json: { email } });
}

function reset(token: string, password = newPassword, node = app): Promise<AppResponse> {
  return node.send('POST', '/api/v1/auth/reset-password', { json: { token, password } });
}

function openPage(token: string, headers: Readonly<Record<string, string>> = {}): Promise<AppResponse> {
  return app.send('GET', `/reset-password?token=${encodeURIComponent(token)}`, { headers });
}

function submit(form: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = sameOrigin) {
  return app.send('POST', '/reset-password', { form, headers });
}

/** Requests a link and returns its token. `number` counts the messages to this address. */
async function linkFor(email: string, number = 2): Promise<string> {
  expect((await forgot(email)).status).toBe(202);
  return mailedToken(app, email, number);
}

/** A verified user with an active link. */
async function addUserWithLink(): Promise<{ readonly email: string; readonly token: string }> {
  const email = await addVerifiedUser(app);
  return { email, token: await linkFor(email) };
}

describe('POST /api/v1/auth/forgot-password', () => {
  it('202 sends a link to the page', async () => {
    const email = await addVerifiedUser(app);
    await forgot(email.toUpperCase());
    const [, mail] = await messagesTo(app, email, 2);
    expect(mail?.to).toBe(email);
    expect(mail?.links[0]).toMatch(/^http:\/\/localhost:5625\/reset-password\?token=lk_ot_[\w-]+$/);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('password.reset_requested');
  });

  it('202 for an unverified address sends the same link, without the name of the registration', async () => {
    const email = uniqueEmail();
    await register(app, email, { name: 'Mallory' });
    await forgot(email);
    const [, mail] = await messagesTo(app, email, 2);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'reset_password']);
    expect(mail?.text).not.toContain('Mallory');
  });

  it('202 for a disabled user sends nothing', async () => {
    const email = await addVerifiedUser(app);
    await setStatus(app, email, 'disabled');
    expect((await forgot(email)).status).toBe(202);
    await awaitMailRequests(app);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('password.reset_requested');
  });

  it('202 keeps the password and the sessions', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    await forgot(email);
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect((await login(app, email)).status).toBe(200);
  });
});

describe('POST /api/v1/auth/reset-password', () => {
  it('200 sets the password and ends a token session', async () => {
    const { email, accessToken, refreshToken } = await addLoggedInUser(app);
    const token = await linkFor(email);
    const response = await reset(token);
    expect([response.status, response.data]).toEqual([200, { status: 'password_set' }]);
    expect(await isAccepted(app, accessToken)).toBe(false);
    const refreshed = await app.send('POST', '/api/v1/auth/refresh', { json: { refreshToken } });
    expect(refreshed.code).toBe('invalid_refresh_token');
    expect(await sessionEndReasons(app, email)).toEqual(['password_reset']);
    expect((await login(app, email)).code).toBe('invalid_credentials');
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('200 ends a cookie session', async () => {
    const { email, cookie } = await addCookieSession(app);
    await reset(await linkFor(email));
    expect((await app.send('GET', '/api/v1/auth/session', { cookie })).status).toBe(401);
  });

  it('200 resets failed attempts and revokes known devices', async () => {
    const { email, deviceToken } = await addLoggedInUser(app);
    await login(app, email, { password: 'not the right password' });
    await reset(await linkFor(email));
    expect(await failedAttemptsOf(app, email)).toBe(0);
    const again = await login(app, email, { password: newPassword, deviceToken });
    expect(again.data.deviceToken).not.toBe(deviceToken);
  });

  it('200 sends a notice and records an audit event', async () => {
    const { email, token } = await addUserWithLink();
    await reset(token);
    const [, , notice] = await messagesTo(app, email, 3);
    expect(await mailsTo(app, email)).toEqual(['verify_email', 'reset_password', 'password_reset_done']);
    expect(notice?.links).toEqual([]);
    expect((await auditActionsOf(app, email)).at(-1)).toBe('password.reset');
  });

  it('200 once, and revokes every other link of the address', async () => {
    const { email, token } = await addUserWithLink();
    const second = await linkFor(email, 3);
    expect((await reset(token)).status).toBe(200);
    for (const used of [token, second]) expect(await reset(used)).toMatchObject({ status: 400, code: 'invalid_token' });
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('200 verifies an unverified address and discards the data of its registration', async () => {
    const email = uniqueEmail();
    await register(app, email, { name: 'Mallory', locale: 'de', password: 'the password of a stranger' });
    const verification = await mailedToken(app, email);
    const token = await linkFor(email);
    expect((await reset(token)).status).toBe(200);
    expect((await verifyEmail(app, verification)).code).toBe('invalid_token');
    expect((await login(app, email, { password: 'the password of a stranger' })).code).toBe('invalid_credentials');
    const { accessToken } = (await login(app, email, { password: newPassword })).data;
    const me = await app.send('GET', '/api/v1/users/me', { token: accessToken });
    expect(me.data).toMatchObject({ name: '', locale: 'en', email });
  });

  it('200 until shortly before one hour has passed', async () => {
    const { token } = await addUserWithLink();
    app.clock.advance(hourMs - 1000);
    expect((await reset(token)).status).toBe(200);
  });

  it('400 after one hour', async () => {
    const { email, token } = await addUserWithLink();
    app.clock.advance(hourMs);
    expect((await reset(token)).code).toBe('invalid_token');
    expect((await login(app, email)).status).toBe(200);
  });

  it('400 for a link that was issued before its user was disabled', async () => {
    const { email, token } = await addUserWithLink();
    await setStatus(app, email, 'disabled');
    expect((await reset(token)).code).toBe('invalid_token');
    await setStatus(app, email, 'active');
    expect((await reset(token)).code).toBe('invalid_token');
  });

  it('400 for the link of another purpose and for an unknown token', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const other = await mailedToken(app, email);
    for (const token of [other, 'x', `lk_ot_${'A'.repeat(49)}`]) {
      expect((await reset(token)).code).toBe('invalid_token');
    }
    expect((await verifyEmail(app, other)).status).toBe(200);
  });

  it('422 for a rejected password keeps the link valid', async () => {
    const { token } = await addUserWithLink();
    expect((await reset(token, 'short')).status).toBe(422);
    expect((await reset(token)).status).toBe(200);
  });
});

describe('GET /reset-password', () => {
  it('200 shows the password form and changes nothing', async () => {
    const { email, token } = await addUserWithLink();
    for (const _ of [1, 2]) {
      const { status, text } = await openPage(token);
      expect([status, text.includes('name="password"'), text.includes(token)]).toEqual([200, true, true]);
      expect(foreignScripts(text)).toEqual([]);
    }
    expect((await login(app, email)).status).toBe(200);
  });

  it('400 for a link that was used ten minutes ago, without a form', async () => {
    const { token } = await addUserWithLink();
    await reset(token);
    app.clock.advance(10 * 60 * 1000);
    const { status, text } = await openPage(token);
    expect([status, text.includes('<form')]).toEqual([400, false]);
  });
});

describe('POST /reset-password', () => {
  it('200 sets the password', async () => {
    const { email, token } = await addUserWithLink();
    const { status, text } = await submit({ token, password: newPassword });
    expect([status, text.includes('You can sign in with your new password')]).toEqual([200, true]);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it.each(['short', 'x'.repeat(129)])('422 shows the form again and keeps the link valid', async (password) => {
    const { token } = await addUserWithLink();
    const { status, text } = await submit({ token, password });
    expect([status, text.includes('aria-invalid="true"'), text.includes(password)]).toEqual([422, true, false]);
    expect((await submit({ token, password: newPassword })).status).toBe(200);
  });

  it('200 when it is submitted twice, also at once, and sets the password once', async () => {
    const { email, token } = await addUserWithLink();
    const passwords = [newPassword, newPassword, newPassword];
    const pressed = await Promise.all(passwords.map((password) => submit({ token, password })));
    expect(pressed.map(({ status }) => status)).toEqual([200, 200, 200]);
    const again = await submit({ token, password: 'a passphrase that comes late' });
    expect([again.status, again.text.includes('Password set')]).toEqual([200, true]);
    expect((await login(app, email, { password: newPassword })).status).toBe(200);
  });

  it('400 for a used link after the password was changed again', async () => {
    const { email, token } = await addUserWithLink();
    await submit({ token, password: newPassword });
    const { accessToken } = (await login(app, email, { password: newPassword })).data;
    const json = { currentPassword: newPassword, newPassword: 'yet another passphrase' };
    const change = { token: accessToken, json };
    expect((await app.send('POST', '/api/v1/users/me/password', change)).status).toBe(200);
    expect((await submit({ token, password: newPassword })).status).toBe(400);
  });

  it('403 for a form that another site submits', async () => {
    const { token } = await addUserWithLink();
    const { status } = await submit({ token, password: newPassword }, { 'sec-fetch-site': 'cross-site' });
    expect(status).toBe(403);
    expect((await openPage(token)).status).toBe(200);
  });
});
