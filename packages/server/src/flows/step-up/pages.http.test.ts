import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { loginMethodsEnabled, wrongCode } from '#test/support/login-by-mail.ts';
import { addUserWithoutPassword, newestMailboxCode } from '#test/support/mailbox-codes.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { addTotpUser, codeNow } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addVerifiedUser, mailsTo, newestMailedToken, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

const minutes = (count: number) => app.clock.advance(count * 60_000);
const target = '/account/security/app';
const stepUpPath = `/step-up?continue=${encodeURIComponent(target)}`;

async function signedIn(): Promise<{ readonly email: string; readonly browser: PageBrowser }> {
  const email = await addVerifiedUser(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  return { email, browser };
}

/** A browser of a user with two factors, signed in by a recovery code. */
async function signedInByTwo() {
  const user = await addTotpUser(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, user.email, validPassword));
  await browser.open('/login/recovery-code');
  await browser.submit('/login/recovery-code', { recoveryCode: user.recoveryCodes[0] ?? '' });
  return { user, browser };
}

/** A browser of a user without a password, signed in by a mailed link. */
async function signedInByLink() {
  const user = await addUserWithoutPassword(app);
  const browser = new PageBrowser(app);
  await browser.open('/login');
  await browser.submit('/login', { email: user.email, password: '', act: 'magic_link' });
  await browser.open(`/login/magic-link?token=${await newestMailedToken(app, user.email, '/login/magic-link')}`);
  await browser.follow(await browser.submit('/login/magic-link'));
  return { user, browser };
}

describe('/step-up', () => {
  it('mails a code to a user with neither password nor second factor', async () => {
    const { user, browser } = await signedInByLink();
    minutes(6);
    const { text } = await browser.follow(await browser.open(target));
    expect([text.includes('name="emailCode"'), text.includes('name="password"')]).toEqual([false, false]);
    const sent = await browser.submit('/step-up', { act: 'email_code' });
    expect([sent.status, sent.text.includes('role="status"')]).toEqual([200, true]);
    const code = await newestMailboxCode(app, user.email);
    const wrong = await browser.submit('/step-up', { emailCode: wrongCode(code, 1) });
    expect([wrong.status, wrong.text.includes('or ask for another')]).toEqual([401, true]);
    const proven = await browser.submit('/step-up', { emailCode: code });
    expect(proven.headers.get('location')).toBe(target);
    expect((await browser.follow(proven)).status).toBe(200);
  });

  it('mails no code to a user with a password', async () => {
    const { email, browser } = await signedIn();
    minutes(6);
    await browser.open(stepUpPath);
    expect((await browser.submit('/step-up', { act: 'email_code' })).status).toBe(403);
    expect(await mailsTo(app, email)).not.toContain('mailbox_code');
  });

  it('is asked for five minutes after the login, proves by the password, and leads back', async () => {
    const { email, browser } = await signedIn();
    expect((await browser.open(target)).status).toBe(200);
    minutes(6);
    const asked = await browser.open(target);
    expect([asked.status, asked.headers.get('location')]).toEqual([303, stepUpPath]);
    const { text } = await browser.follow(asked);
    expect(text).toContain('autocomplete="current-password"');
    expect(text).toContain(`value="${email}"`);
    const before = browser.valueOf('latchkey_session');
    const proven = await browser.submit('/step-up', { password: validPassword });
    expect([proven.status, proven.headers.get('location')]).toEqual([303, target]);
    expect(browser.valueOf('latchkey_session')).not.toBe(before);
    expect((await browser.follow(proven)).status).toBe(200);
    expect((await app.send('GET', '/account', { cookie: `latchkey_session=${before}` })).status).toBe(303);
    expect(await auditActionsOf(app, email)).toContain('session.stepped_up');
  });

  it('leads on at once while the last proof is recent', async () => {
    const { browser } = await signedIn();
    expect((await browser.open(stepUpPath)).headers.get('location')).toBe(target);
  });

  it('takes the app or a recovery code of a user with two factors, and never the password', async () => {
    const { user, browser } = await signedInByTwo();
    minutes(6);
    const { text } = await browser.open(stepUpPath);
    expect(text).toContain('name="code"');
    expect(text).not.toContain('type="password"');
    const byPassword = await browser.submitFrom(text, '/step-up', { password: validPassword });
    expect(byPassword.status).toBe(403);
    await browser.open(stepUpPath);
    const wrong = await browser.submit('/step-up', { code: '000000' });
    expect([wrong.status, wrong.text.includes('aria-invalid="true"')]).toEqual([401, true]);
    const proven = await browser.submit('/step-up', { code: codeNow(app, user.secret) });
    expect(proven.headers.get('location')).toBe(target);
    minutes(6);
    await browser.open(`${stepUpPath}&with=recovery_code`);
    const byCode = await browser.submit('/step-up', { recoveryCode: user.recoveryCodes[1] ?? '' });
    expect(byCode.headers.get('location')).toBe(target);
    minutes(6);
    await browser.open(`${stepUpPath}&with=recovery_code`);
    expect((await browser.submit('/step-up', { recoveryCode: user.recoveryCodes[1] ?? '' })).status).toBe(401);
  });

  it('counts guesses, and says how long to wait', async () => {
    const { browser } = await signedInByTwo();
    minutes(6);
    await browser.open(stepUpPath);
    for (let guess = 0; guess < 3; guess += 1) await browser.submit('/step-up', { code: '000000' });
    const waiting = await browser.submit('/step-up', { code: '000000' });
    expect([waiting.status, waiting.headers.get('retry-after')]).toEqual([429, '15']);
    expect(waiting.text).toContain('Too many attempts');
  });

  it('403 for a wrong password, 422 for no proof and for two at once', async () => {
    const { browser } = await signedIn();
    minutes(6);
    await browser.open(stepUpPath);
    expect((await browser.submit('/step-up', { password: 'wrong horse battery' })).status).toBe(403);
    expect((await browser.submit('/step-up')).status).toBe(422);
    expect((await browser.submit('/step-up', { password: validPassword, code: '000000' })).status).toBe(422);
  });

  it.each(['//evil.example', 'https://evil.example', '/api/v1/users/me', '/step-up', '/verify-email?token=x'])(
    'never leads to %s',
    async (continueTo) => {
      const { browser } = await signedIn();
      const query = `/step-up?continue=${encodeURIComponent(continueTo)}`;
      expect((await browser.open(query)).headers.get('location')).toBe('/account');
      minutes(6);
      await browser.open(query);
      const proven = await browser.submit('/step-up', { password: validPassword, continue: continueTo });
      expect(proven.headers.get('location')).toBe('/account');
    },
  );

  it('leads a visitor to the sign-in page, and on from there', async () => {
    const { email, browser } = await signedIn();
    browser.remove('latchkey_session');
    await browser.follow(await browser.open(stepUpPath));
    const { headers } = await browser.submit('/login', { email, password: validPassword });
    expect(headers.get('location')).toBe('/step-up');
    expect((await browser.open('/step-up')).headers.get('location')).toBe('/account');
  });

  it('renews once of twenty submissions at once', async () => {
    const { email, browser } = await signedIn();
    minutes(6);
    const { text } = await browser.open(stepUpPath);
    const sent = () => browser.submitFrom(text, '/step-up', { password: validPassword });
    const responses = await Promise.all(Array.from({ length: 20 }, sent));
    const renewed = responses.filter(({ cookies }) => cookies.some((line) => line.startsWith('latchkey_session=lk_')));
    expect(renewed).toHaveLength(1);
    expect((await auditActionsOf(app, email)).filter((action) => action === 'session.stepped_up')).toHaveLength(1);
  });
});
