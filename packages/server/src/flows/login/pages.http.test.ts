import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { loginMethodsEnabled } from '#test/support/login-by-mail.ts';
import { awaitMailRequests } from '#test/support/mail-requests.ts';
import { foreignScripts } from '#test/support/markup.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { auditActionsOf, failedAttemptsOf } from '#test/support/stored-login.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  login,
  mailsTo,
  newestMailedToken,
  register,
  sameOrigin,
  uniqueEmail,
  validPassword,
} from '#test/support/user-actions.ts';
import { setStatus, userIdOf } from '#test/support/user-status.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

const wrongPassword = 'wrong horse battery';

describe('/login', () => {
  it('signs in by cookie, and leads to the account', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    const response = await signIn(browser, email, validPassword);
    expect([response.status, response.headers.get('location')]).toEqual([303, '/account']);
    const { status, text } = await browser.follow(response);
    expect(status).toBe(200);
    expect(text).toContain(email);
    const session = await app.send('GET', '/api/v1/auth/session', { cookie: browser.cookie });
    expect(session).toMatchObject({ status: 200, data: { userId: await userIdOf(app, email), acr: '1' } });
    expect(browser.cookieNames).not.toContain('latchkey_ticket');
  });

  it('leads to the path that it was opened with', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    const response = await signIn(browser, email, validPassword, '?continue=%2Faccount%3Fx%3D1');
    expect(response.headers.get('location')).toBe('/account?x=1');
  });

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/api/v1/users/me',
    '/login/magic-link?token=x',
  ])('400 for the return address %s, shown and sent, and nobody is signed in', async (target) => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    const shown = await browser.open(`/login?continue=${encodeURIComponent(target)}`);
    expect([shown.status, shown.text.includes('isn’t allowed')]).toEqual([400, true]);
    await browser.open('/login');
    const sent = await browser.submit('/login', { email, password: validPassword, continue: target });
    expect([sent.status, sent.cookies]).toEqual([400, []]);
  });

  it('401 for a wrong password and an unknown address with the same page, which keeps the address', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    const wrong = await signIn(browser, email, wrongPassword);
    const unknown = await signIn(browser, uniqueEmail(), wrongPassword);
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    const bare = (text: string) => text.replaceAll(/value="[^"]*"/g, '');
    expect(bare(wrong.text)).toBe(bare(unknown.text));
    expect(wrong.text).toContain(`value="${email}"`);
    expect(wrong.text).not.toContain(wrongPassword);
    expect(wrong.text).toContain('role="alert"');
    expect(wrong.cookies).toEqual([]);
  });

  it('counts, records and reports failures like the API', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      expect((await signIn(browser, email, wrongPassword)).status).toBe(401);
    }
    expect(await failedAttemptsOf(app, email)).toBe(5);
    const waiting = await signIn(browser, email, validPassword);
    expect([waiting.status, Number(waiting.headers.get('retry-after')) > 0]).toEqual([429, true]);
    expect(waiting.text).toContain('Too many attempts. Try again in 1 minute.');
    expect((await login(app, email)).code).toBe('too_many_requests');
    expect((await auditActionsOf(app, email)).slice(-5)).toEqual(Array(5).fill('login.failed'));
    expect(await mailsTo(app, email)).not.toContain('new_device');
  });

  it('mails the notice of a new device, and none to the known one', async () => {
    const { email } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    await signIn(browser, email, validPassword);
    browser.remove('latchkey_session');
    await signIn(browser, email, validPassword);
    expect((await mailsTo(app, email)).filter((name) => name === 'new_device')).toHaveLength(1);
  });

  it('explains a disabled account and an address that is not confirmed, to who knows the password', async () => {
    const disabled = await addVerifiedUser(app);
    await setStatus(app, disabled, 'disabled');
    const unverified = uniqueEmail();
    await register(app, unverified);
    for (const [email, words] of [
      [disabled, 'This account is disabled'],
      [unverified, 'Confirm your email first'],
    ] as const) {
      const browser = new PageBrowser(app);
      const { status, text, cookies } = await signIn(browser, email, validPassword);
      expect([status, text.includes(words), cookies]).toEqual([403, true, []]);
      expect((await signIn(browser, email, wrongPassword)).status).toBe(401);
    }
  });

  it('422 complains of what is missing, and counts no attempt', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    const empty = await signIn(browser, email, '');
    expect([empty.status, empty.text.includes('Enter your password.')]).toEqual([422, true]);
    const noAddress = await signIn(browser, 'ada', validPassword);
    expect([noAddress.status, noAddress.text.includes('Enter your email')]).toEqual([422, true]);
    expect(await failedAttemptsOf(app, email)).toBe(0);
  });

  it('escapes what was typed', async () => {
    const browser = new PageBrowser(app);
    const { text } = await signIn(browser, '"><script>alert(1)</script>', 'x');
    expect(foreignScripts(text)).toEqual([]);
  });

  it('403 without the cookie of the form shows it again, and for another site says so', async () => {
    const email = await addVerifiedUser(app);
    const form = { email, password: validPassword };
    const stale = await app.send('POST', '/login', { form, headers: { ...sameOrigin, cookie: 'a=b' } });
    expect([stale.status, stale.text.includes('<form method="post" action="/login" id="sign-in">')]).toEqual([
      403,
      true,
    ]);
    const headers = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    const foreign = await app.send('POST', '/login', { form, headers });
    expect([foreign.status, foreign.cookies]).toEqual([403, []]);
  });

  it('says the second time that the browser refuses cookies, and keeps the return address', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    await browser.open('/login?continue=%2Faccount%2Fsecurity');
    for (const words of ['this page was open for too long', 'your browser refuses the cookies of this site']) {
      browser.remove('latchkey_form');
      const { status, text } = await browser.submit('/login', { email, password: validPassword });
      expect([status, text.includes(words)]).toEqual([403, true]);
    }
    const done = await browser.submit('/login', { email, password: validPassword });
    expect([done.status, done.headers.get('location')]).toEqual([303, '/account/security']);
  });

  it('asks a browser that is signed in, and never goes on by itself', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    const again = await browser.open('/login?continue=%2Faccount');
    expect(again.headers.get('location')).toBe('/login/choose?continue=%2Faccount');
    const asked = await browser.follow(again);
    expect([asked.status, asked.text.includes(email)]).toEqual([200, true]);
    expect(asked.text).toContain('href="/account" autofocus');
    const out = await browser.submit('/logout');
    expect(out.headers.get('location')).toBe('/login?continue=%2Faccount');
    expect(browser.cookieNames).not.toContain('latchkey_session');
    expect((await browser.follow(out)).text).toContain('name="password"');
  });

  it('leads from the page that asks to the form, where nobody is signed in', async () => {
    const { headers } = await new PageBrowser(app).open('/login/choose?continue=%2Faccount');
    expect(headers.get('location')).toBe('/login?continue=%2Faccount');
  });

  it('is in German for a German browser', async () => {
    const browser = new PageBrowser(app, { 'accept-language': 'de' });
    const { text } = await browser.open('/login');
    expect(text).toContain('<html lang="de">');
    expect(text).toContain('Anmeldelink per E-Mail anfordern');
  });
});

describe('the button for a mailed link', () => {
  const request = async (browser: PageBrowser, email: string) => {
    await browser.open('/login');
    return browser.submit('/login', { email, password: '', act: 'magic_link' });
  };

  it('mails a link that signs in the browser that asked for it', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    expect((await request(browser, email)).status).toBe(200);
    const token = await newestMailedToken(app, email, '/login/magic-link');
    await browser.open(`/login/magic-link?token=${token}`);
    const pressed = await browser.submit('/login/magic-link');
    expect([pressed.status, pressed.headers.get('location')]).toEqual([303, '/account']);
    expect((await browser.follow(pressed)).text).toContain(email);
  });

  it('shows the same page for an address without an account', async () => {
    const [known, unknown] = [await addVerifiedUser(app), uniqueEmail()];
    const texts: string[] = [];
    for (const email of [known, unknown]) {
      texts.push(
        (await request(new PageBrowser(app), email)).text
          .replaceAll(email, 'EMAIL')
          .replace(/formToken" value="[^"]*"/, ''),
      );
    }
    expect(texts[0]).toBe(texts[1]);
    await awaitMailRequests(app);
    expect(await mailsTo(app, known)).toContain('magic_link');
  });

  it('never compares a password that was typed beside it', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    await browser.open('/login');
    await browser.submit('/login', { email, password: wrongPassword, act: 'magic_link' });
    expect(await failedAttemptsOf(app, email)).toBe(0);
    const { cookies } = await browser.submitFrom((await browser.open('/login')).text, '/login', {
      email,
      password: validPassword,
      act: 'magic_link',
    });
    expect(cookies.join()).not.toContain('latchkey_session');
  });

  it('is not there where links are disabled, and its form is refused', async () => {
    const other = await Application.open({ deploymentOf: app });
    const browser = new PageBrowser(other);
    expect((await browser.open('/login')).text).not.toContain('magic_link');
    const { status } = await browser.submit('/login', { email: uniqueEmail(), password: '', act: 'magic_link' });
    expect(status).toBe(404);
    await other.close();
  });

  it('counts as a request for mail, not as a guess', async () => {
    const limited = await Application.open({ env: { ...loginMethodsEnabled, LATCHKEY_LIMIT_MAIL_ADDRESS: '2/1h' } });
    const browser = new PageBrowser(limited);
    const statuses: number[] = [];
    for (let count = 0; count < 3; count += 1) statuses.push((await request(browser, uniqueEmail())).status);
    expect(statuses).toEqual([200, 200, 429]);
    await browser.open('/login');
    expect((await browser.submit('/login', { email: uniqueEmail(), password: 'x' })).status).toBe(401);
    await limited.close();
  });
});
