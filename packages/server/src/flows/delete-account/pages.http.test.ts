import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { addVerifiedUser, isAccepted, login, mailsTo, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const path = '/account/data/delete';

async function signedIn() {
  const email = await addVerifiedUser(app);
  const token = (await login(app, email)).data.accessToken;
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  return { email, token, browser };
}

describe('/account/data', () => {
  it('says until when a deleted account can be kept, and deletes nothing', async () => {
    const { browser, token } = await signedIn();
    for (const page of ['/account/data', path]) {
      expect((await browser.open(page)).text).toMatch(
        /Until \w+ \d+, \d{4} at \d\d:\d\d [AP]M UTC you can keep your account/,
      );
    }
    expect(await isAccepted(app, token)).toBe(true);
  });

  it('deletes with the email typed, signs out, and says how to keep the account', async () => {
    const { browser, token, email } = await signedIn();
    await browser.open(path);
    const sent = await browser.submit(path, { typed: ` ${email.toUpperCase()} ` });
    expect([sent.status, sent.text]).toEqual([200, expect.stringContaining('Your account will be deleted')]);
    expect(browser.valueOf('latchkey_session')).toBeUndefined();
    expect(await isAccepted(app, token)).toBe(false);
    expect(await mailsTo(app, email)).toContain('account_deletion_scheduled');
    expect((await browser.open('/account')).headers.get('location')).toBe('/login?continue=%2Faccount');
  });

  it.each(['', 'yes', 'someone@people.example'])('422 for %j, and deletes nothing', async (typed) => {
    const { browser, token } = await signedIn();
    await browser.open(path);
    const sent = await browser.submit(path, { typed });
    expect([sent.status, sent.text]).toEqual([422, expect.stringContaining('aria-invalid="true"')]);
    expect(await isAccepted(app, token)).toBe(true);
  });

  it('needs a recent proof', async () => {
    const { browser } = await signedIn();
    app.clock.advance(301_000);
    expect((await browser.open(path)).headers.get('location')).toBe(`/step-up?continue=${encodeURIComponent(path)}`);
  });
});
