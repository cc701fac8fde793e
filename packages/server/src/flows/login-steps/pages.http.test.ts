import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { addActiveUser } from '#test/support/daily-traffic.ts';
import { wrongCode } from '#test/support/login-by-mail.ts';
import { addUserWithRole, mustChangePassword, type UserWithRole } from '#test/support/login-steps.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { codeNow } from '#test/support/second-factors.ts';
import { storedLinkToken } from '#test/support/stored-links.ts';
import { login, mailsTo, validPassword } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';

const mailbox = '/login/confirm-mailbox';
const enroll = '/login/enroll';

describe('the pages of the steps', () => {
  let app: Application;

  beforeAll(async () => {
    app = await Application.open({ manual: true });
  });
  afterAll(() => app.close());

  /** A browser after the password, on the page of the next step. */
  async function start(email: string, query = ''): Promise<PageBrowser> {
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword, query));
    return browser;
  }

  async function proveMailbox(browser: PageBrowser, { userId }: UserWithRole): Promise<void> {
    await browser.follow(await browser.submit(mailbox));
    const code = await storedLinkToken(app, userId, 'mailbox_code');
    await browser.follow(await browser.submit(`${mailbox}/code`, { code }));
  }

  const keyOf = (text: string) => (/<output id="key"[^>]*>([^<]+)</.exec(text)?.[1] ?? '').replaceAll(' ', '');
  const isSignedIn = async (browser: PageBrowser) => (await browser.open('/account')).status === 200;

  it('lead a user with a role from the password to the session, with the codes shown once', async () => {
    const user = await addUserWithRole(app);
    const browser = await start(user.email, '?continue=%2Faccount%2Fsecurity');
    expect(browser.text).toContain('Email me a code');
    expect(await mailsTo(app, user.email)).toEqual([]);
    await proveMailbox(browser, user);
    expect(await mailsTo(app, user.email)).toEqual(['mailbox_code']);
    await browser.submit(enroll);
    const secret = keyOf(browser.text);
    const done = await browser.submit(enroll, { code: codeNow(app, secret) });
    expect(done.status).toBe(200);
    expect(browser.text.match(/<code dir="ltr">/g)).toHaveLength(10);
    expect(browser.text).toContain('href="/account/security"');
    expect(await isSignedIn(browser)).toBe(true);
    expect(browser.text).not.toContain('<code dir="ltr">');
    expect((await login(app, user.email)).data.step).toBe('second_factor');
  });

  it('show the page of the missing step, whichever is opened', async () => {
    const { email } = await addUserWithRole(app);
    const browser = await start(email);
    for (const path of [enroll, '/login/second-factor', '/login/change-password']) {
      const response = await browser.open(path);
      expect([response.status, response.headers.get('location')]).toEqual([303, mailbox]);
    }
    expect(await isSignedIn(browser)).toBe(false);
  });

  it('keep the login after a wrong code, and say so beside the field', async () => {
    const user = await addUserWithRole(app);
    const browser = await start(user.email);
    await browser.follow(await browser.submit(mailbox));
    const code = await storedLinkToken(app, user.userId, 'mailbox_code');
    const wrong = await browser.submit(`${mailbox}/code`, { code: wrongCode(code) });
    expect([wrong.status, wrong.text.includes('This code is wrong or has expired')]).toEqual([401, true]);
    await browser.follow(await browser.submit(`${mailbox}/code`, { code }));
    await browser.submit(enroll);
    const secret = keyOf(browser.text);
    const again = await browser.submit(enroll, { code: wrongCode(codeNow(app, secret)) });
    expect([again.status, again.text.includes(secret)]).toEqual([401, false]);
    expect(again.text).toContain(`href="${enroll}">Show a new key`);
    expect((await browser.submit(enroll, { code: codeNow(app, secret) })).status).toBe(200);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('act for the browser that signed in, and for no other', async () => {
    const user = await addUserWithRole(app);
    const browser = await start(user.email);
    const thief = new PageBrowser(app);
    await thief.open('/login');
    thief.set('latchkey_ticket', browser.valueOf('latchkey_ticket') ?? '');
    const response = await thief.submitFrom(browser.text, mailbox);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await mailsTo(app, user.email)).toEqual([]);
  });

  it('set a new password, with the reason of a rejection beside the field', async () => {
    const email = await addActiveUser(app);
    await mustChangePassword(app, await userIdOf(app, email));
    const browser = await start(email);
    for (const [password, reason] of [
      ['short', 'at least 12 characters'],
      [validPassword, 'another password than the present one'],
    ] as const) {
      const response = await browser.submit('/login/change-password', { password });
      expect([response.status, response.text.includes(reason)]).toEqual([422, true]);
    }
    const done = await browser.submit('/login/change-password', { password: 'another horse, another battery' });
    expect([done.status, done.headers.get('location')]).toEqual([303, '/account']);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('are in the language of the browser, as the page before', async () => {
    const { email } = await addUserWithRole(app);
    const browser = new PageBrowser(app, { 'accept-language': 'de' });
    await browser.follow(await signIn(browser, email, validPassword));
    expect(browser.text).toContain('<html lang="de"');
  });
});
