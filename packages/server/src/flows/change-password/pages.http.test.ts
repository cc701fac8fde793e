import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { addTotpUser } from '#test/support/second-factors.ts';
import { addVerifiedUser, isAccepted, login, mailsTo, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const path = '/account/security/password';
const password = 'another horse, another battery';

async function signedIn() {
  const email = await addVerifiedUser(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  await browser.open(path);
  return { email, browser };
}

describe('/account/security/password', () => {
  it('changes the password, goes on under a new session, and ends the others', async () => {
    const { email, browser } = await signedIn();
    const other = (await login(app, email)).data.accessToken;
    const before = browser.valueOf('latchkey_session');
    const sent = await browser.submit(path, { currentPassword: validPassword, password });
    expect([sent.status, sent.headers.get('location')]).toEqual([303, '/account/security?done=password_changed']);
    expect(browser.valueOf('latchkey_session')).not.toBe(before);
    expect((await browser.follow(sent)).text).toContain('Your password is changed.');
    expect(await isAccepted(app, other)).toBe(false);
    expect((await login(app, email, { password })).status).toBe(200);
    expect(await mailsTo(app, email)).toContain('password_changed');
  });

  it('has fields that a password manager understands, and repeats no password', async () => {
    const { browser, email } = await signedIn();
    const { text } = await browser.submit(path, { currentPassword: 'not this one', password });
    const fields = [...text.matchAll(/<input id="(\w+)"[^>]* autocomplete="([^"]+)"/g)].map(([, ...found]) => found);
    expect(fields).toEqual([
      ['email', 'username'],
      ['currentPassword', 'current-password'],
      ['password', 'new-password'],
    ]);
    expect(text).toContain(`value="${email}"`);
    expect(text).not.toMatch(/not this one|another horse/);
  });

  it('403 beside the field for a wrong current password, 422 beside the other for a weak new one', async () => {
    const { email, browser } = await signedIn();
    const wrong = await browser.submit(path, { currentPassword: 'not this one', password });
    expect([wrong.status, wrong.text]).toEqual([403, expect.stringContaining('id="currentPassword-complaint"')]);
    const weak = await browser.submit(path, { currentPassword: validPassword, password: 'short' });
    expect([weak.status, weak.text]).toEqual([422, expect.stringContaining('id="password-complaint"')]);
    const none = await browser.submit(path, { password });
    expect([none.status, none.text]).toEqual([422, expect.stringContaining('id="currentPassword-complaint"')]);
    expect((await login(app, email)).status).toBe(200);
  });

  it('429 with the wait after many wrong ones, and the form again', async () => {
    const { browser } = await signedIn();
    let status = 0;
    for (let count = 0; count < 30 && status !== 429; count += 1) {
      status = (await browser.submit(path, { currentPassword: 'not this one', password })).status;
    }
    expect([status, browser.text]).toEqual([429, expect.stringContaining('role="alert"')]);
  });

  it('needs the second factor where there is one, however right the password is', async () => {
    const user = await addTotpUser(app);
    const { cookie } = await startCookieSession(user.email, user.recoveryCodes[0] ?? '');
    app.clock.advance(301_000);
    const shown = await app.send('GET', path, { cookie });
    expect([shown.status, shown.headers.get('location')]).toEqual([
      303,
      `/step-up?continue=${encodeURIComponent(path)}`,
    ]);
  });

  /** Signs in with both factors on pages. */
  async function startCookieSession(email: string, recoveryCode: string) {
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    await browser.open('/login/recovery-code');
    await browser.submit('/login/recovery-code', { recoveryCode });
    return browser;
  }
});
