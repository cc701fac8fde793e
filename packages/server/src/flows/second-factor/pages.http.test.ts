import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import { loginMethodsEnabled } from '#test/support/login-by-mail.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { addPasskeyUser, withoutPin } from '#test/support/passkeys.ts';
import { addTotpUser, codeNow, proveSecondFactor, type TotpUser } from '#test/support/second-factors.ts';
import { sessionEndReasons } from '#test/support/stored-login.ts';
import { addVerifiedUser, login, mailsTo, newestMailedToken, validPassword } from '#test/support/user-actions.ts';

const codePath = '/login/second-factor';
const recoveryPath = '/login/recovery-code';
const ticketCookie = 'latchkey_ticket';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

async function addUser(): Promise<TotpUser> {
  const user = await addTotpUser(app);
  app.clock.advance(30_000);
  return user;
}

/** A browser whose user has proven the password. */
async function atSecondFactor(user: TotpUser, query = ''): Promise<PageBrowser> {
  const browser = new PageBrowser(app);
  const response = await signIn(browser, user.email, validPassword, query);
  expect([response.status, response.headers.get('location')]).toEqual([303, codePath]);
  await browser.follow(response);
  return browser;
}

const isSignedIn = async (browser: PageBrowser) =>
  (await app.send('GET', '/api/v1/auth/session', { cookie: browser.cookie })).status === 200;

describe('the page of the second factor', () => {
  it('signs in with the code of the app, and leads to where the login was to lead', async () => {
    const user = await addUser();
    const browser = await atSecondFactor(user, '?continue=%2Faccount%3Fx%3D1');
    expect(browser.text).toContain('autocomplete="one-time-code"');
    expect(browser.text).toContain('inputmode="numeric"');
    expect(await isSignedIn(browser)).toBe(false);
    const done = await browser.submit(codePath, { code: codeNow(app, user.secret) });
    expect([done.status, done.headers.get('location')]).toEqual([303, '/account?x=1']);
    const { data } = await app.send<{ acr: string }>('GET', '/api/v1/auth/session', { cookie: browser.cookie });
    expect(data.acr).toBe('2');
    expect(browser.cookieNames).not.toContain(ticketCookie);
  });

  it('sets the ticket for ten minutes, out of reach of scripts, and shows its text in no page', async () => {
    const user = await addUser();
    const browser = new PageBrowser(app);
    const { cookies } = await signIn(browser, user.email, validPassword);
    const line = cookies.find((cookie) => cookie.startsWith(ticketCookie)) ?? '';
    expect(line).toMatch(/^latchkey_ticket=lk_lt_[\w-]+; Path=\/; HttpOnly; SameSite=Lax; Expires=[^;]+$/);
    const expires = new Date(/Expires=(.*)$/.exec(line)?.[1] ?? '').getTime();
    expect(Math.abs(expires - app.clock.now().getTime() - 600_000)).toBeLessThan(5_000);
    expect((await browser.open(codePath)).text).not.toContain('lk_lt_');
  });

  it('keeps the ticket after a wrong code, and survives reload and back', async () => {
    const user = await addUser();
    const browser = await atSecondFactor(user);
    const wrong = await browser.submit(codePath, { code: '000000' });
    expect([wrong.status, wrong.text.includes('aria-invalid="true"')]).toEqual([401, true]);
    expect(wrong.text).not.toContain('000000');
    for (const path of [codePath, recoveryPath, codePath]) expect((await browser.open(path)).status).toBe(200);
    expect((await browser.submit(codePath, { code: codeNow(app, user.secret) })).status).toBe(303);
  });

  it('says how long to wait after three wrong codes', async () => {
    const user = await addUser();
    const browser = await atSecondFactor(user);
    for (let guess = 0; guess < 3; guess += 1) await browser.submit(codePath, { code: '000000' });
    const waiting = await browser.submit(codePath, { code: codeNow(app, user.secret) });
    expect([waiting.status, waiting.headers.get('retry-after')]).toEqual([429, '15']);
    expect(waiting.text).toContain('Too many attempts');
    expect(waiting.text).toContain(`action="${codePath}"`);
    expect((await mailsTo(app, user.email)).filter((name) => name === 'second_factor_failed')).toHaveLength(1);
  });

  it('takes a recovery code on a page of its own, once', async () => {
    const user = await addUser();
    const browser = await atSecondFactor(user);
    expect(browser.text).toContain(`href="${recoveryPath}"`);
    const [code = ''] = user.recoveryCodes;
    await browser.open(recoveryPath);
    const typed = code.toLowerCase().replaceAll('-', ' ');
    expect((await browser.submit(recoveryPath, { recoveryCode: typed })).status).toBe(303);
    expect(await isSignedIn(browser)).toBe(true);
    const again = await atSecondFactor(user);
    await again.open(recoveryPath);
    expect((await again.submit(recoveryPath, { recoveryCode: code })).status).toBe(401);
  });

  it('is reached by a mailed link as well', async () => {
    const user = await addUser();
    const browser = new PageBrowser(app);
    await browser.open('/login');
    await browser.submit('/login', { email: user.email, password: '', act: 'magic_link' });
    const token = await newestMailedToken(app, user.email, '/login/magic-link');
    await browser.open(`/login/magic-link?token=${token}`);
    const pressed = await browser.submit('/login/magic-link');
    expect(pressed.headers.get('location')).toBe(codePath);
    await browser.follow(pressed);
    expect((await browser.submit(codePath, { code: codeNow(app, user.secret) })).status).toBe(303);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('signs in once of twenty submissions at once, whatever the others get', async () => {
    const user = await addUser();
    const browser = await atSecondFactor(user);
    const code = codeNow(app, user.secret);
    const { text } = browser;
    const before = (await sessionEndReasons(app, user.email)).filter((reason) => reason === null).length;
    const responses = await Promise.all(Array.from({ length: 20 }, () => browser.submitFrom(text, codePath, { code })));
    const isDone = ({ cookies }: AppResponse) => cookies.some((cookie) => cookie.startsWith('latchkey_session=lk_'));
    expect(responses.filter(isDone)).toHaveLength(1);
    expect(new Set(responses.filter((one) => !isDone(one)).map(({ status }) => status))).not.toContain(500);
    const after = (await sessionEndReasons(app, user.email)).filter((reason) => reason === null).length;
    expect(after - before).toBe(1);
  });

  it('expires after ten minutes, and says how to start again', async () => {
    const browser = await atSecondFactor(await addUser());
    app.clock.advance(10 * 60_000);
    const late = await browser.open(codePath);
    expect([late.status, late.text.includes('This sign-in expired')]).toEqual([400, true]);
    expect(late.text).toContain('href="/login"');
    expect(browser.cookieNames).not.toContain(ticketCookie);
  });
});

describe('the pages of a user without an authenticator app', () => {
  it('ask for no code of an app, and offer a recovery code', async () => {
    const { email, recoveryCodes } = await addPasskeyUser(app, { kind: 'security_key', flags: withoutPin });
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    expect(browser.text).not.toContain('name="code"');
    expect(browser.text).toContain(`href="${recoveryPath}"`);
    await browser.open(recoveryPath);
    expect((await browser.submit(recoveryPath, { recoveryCode: recoveryCodes[0] ?? '' })).status).toBe(303);
    expect((await browser.open('/account/security')).text).toContain('9 recovery codes left');
  });
});

describe('a ticket of a page', () => {
  it('opens nothing in another browser, and stays usable in its own', async () => {
    const user = await addUser();
    const [own, other] = [await atSecondFactor(user), new PageBrowser(app)];
    await other.open('/login');
    other.set(ticketCookie, own.valueOf(ticketCookie) ?? '');
    expect((await other.open(codePath)).status).toBe(400);
    other.set(ticketCookie, own.valueOf(ticketCookie) ?? '');
    const sent = await other.submitFrom((await other.open('/login')).text, '/login', { email: 'x', password: 'x' });
    expect(sent.status).toBe(422);
    expect((await own.submit(codePath, { code: codeNow(app, user.secret) })).status).toBe(303);
  });

  it('is refused by the form of another browser, which counts no guess', async () => {
    const [mine, theirs] = [await addUser(), await addUser()];
    const [attacker, victim] = [await atSecondFactor(mine), await atSecondFactor(theirs)];
    const { text } = attacker;
    attacker.set(ticketCookie, victim.valueOf(ticketCookie) ?? '');
    const sent = await attacker.submitFrom(text, codePath, { code: codeNow(app, theirs.secret) });
    expect([sent.status, await isSignedIn(attacker)]).toEqual([401, false]);
    for (let guess = 0; guess < 2; guess += 1) await victim.submit(codePath, { code: '000000' });
    expect((await victim.submit(codePath, { code: codeNow(app, theirs.secret) })).status).toBe(303);
  });

  it('of a later login makes the form of the earlier one act on nothing', async () => {
    const [first, second] = [await addUser(), await addUser()];
    const browser = await atSecondFactor(first);
    const { text } = browser;
    await browser.follow(await signIn(browser, second.email, validPassword));
    const stale = await browser.submitFrom(text, codePath, { code: codeNow(app, first.secret) });
    expect([stale.status, stale.text.includes('went on in another tab'), stale.cookies]).toEqual([409, true, []]);
    await browser.open(codePath);
    expect((await browser.submit(codePath, { code: codeNow(app, second.secret) })).status).toBe(303);
    expect((await app.send('GET', '/account', { cookie: browser.cookie })).text).toContain(second.email);
  });

  it('opens neither the account nor the API, as a cookie, a bearer token or in a body', async () => {
    const user = await addUser();
    const browser = await atSecondFactor(user);
    const ticket = browser.valueOf(ticketCookie) ?? '';
    for (const [path, location] of [
      ['/account', '/login?continue=%2Faccount'],
      ['/logout', '/signed-out'],
    ] as const) {
      const response = await app.send('GET', path, { cookie: browser.cookie });
      expect([response.status, response.headers.get('location')]).toEqual([303, location]);
    }
    for (const sent of [{ cookie: browser.cookie }, { token: ticket }, { cookie: `latchkey_session=${ticket}` }]) {
      expect((await app.send('GET', '/api/v1/users/me', sent)).status).toBe(401);
    }
    const code = codeNow(app, user.secret);
    expect(await proveSecondFactor(app, ticket, { code })).toMatchObject({ status: 401, code: 'invalid_ticket' });
    expect((await browser.submit(codePath, { code })).status).toBe(303);
  });

  it('of the API opens no page', async () => {
    const user = await addUser();
    const { ticket = '' } = (await login(app, user.email)).data;
    const browser = new PageBrowser(app);
    await browser.open('/login');
    browser.set(ticketCookie, ticket);
    expect((await browser.open(codePath)).status).toBe(400);
    expect((await proveSecondFactor(app, ticket, { code: codeNow(app, user.secret) })).status).toBe(200);
  });

  it('400 when the cookie is sent twice', async () => {
    const browser = await atSecondFactor(await addUser());
    const cookie = `${browser.cookie}; ${ticketCookie}=x`;
    expect((await app.send('GET', codePath, { cookie })).status).toBe(400);
  });

  it('ends with the epoch of its user', async () => {
    const user = await addUser();
    const browser = await atSecondFactor(user);
    await app.send('POST', '/api/v1/auth/logout-all', { token: user.accessToken });
    expect((await browser.submit(codePath, { code: codeNow(app, user.secret) })).status).toBe(401);
  });

  it('of a pending deletion leads to the page of that step from every other one', async () => {
    const email = await addVerifiedUser(app);
    const { accessToken: token } = (await login(app, email)).data;
    await app.send('DELETE', '/api/v1/users/me', { token, json: { currentPassword: validPassword } });
    const browser = new PageBrowser(app);
    const response = await signIn(browser, email, validPassword);
    expect(response.headers.get('location')).toBe('/login/cancel-deletion');
    expect((await browser.open(codePath)).headers.get('location')).toBe('/login/cancel-deletion');
    await browser.open('/login/cancel-deletion');
    const { text } = browser;
    const kept = await browser.submit('/login/cancel-deletion');
    expect([kept.status, kept.text.includes('Account kept')]).toEqual([200, true]);
    expect(browser.cookieNames).not.toContain(ticketCookie);
    expect((await browser.submitFrom(text, '/login/cancel-deletion')).status).toBe(401);
    expect((await signIn(browser, email, validPassword)).headers.get('location')).toBe('/account');
  });
});

describe('the quota of pages', () => {
  it('is the own one of a login in progress, and no other of an invented ticket', async () => {
    const limited = await Application.open({ deploymentOf: app, env: { LATCHKEY_LIMIT_PAGES: '5/15m' } });
    const { email } = await addTotpUser(app);
    const browser = new PageBrowser(limited);
    await signIn(browser, email, validPassword);
    for (let time = 0; time < 6; time += 1) await limited.send('GET', '/login');
    expect((await limited.send('GET', '/login')).status).toBe(429);
    const statuses: number[] = [];
    for (let time = 0; time < 6; time += 1) statuses.push((await browser.open('/login/second-factor')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    browser.set('latchkey_ticket', `lk_lt_${'A'.repeat(49)}`);
    expect((await browser.open('/login/second-factor')).status).toBe(429);
    await limited.close();
  });
});
