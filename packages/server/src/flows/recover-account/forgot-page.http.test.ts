import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { awaitMailRequests } from '#test/support/mail-requests.ts';
import { foreignScripts } from '#test/support/markup.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { addVerifiedUser, mailsTo, newestMailedToken, uniqueEmail } from '#test/support/user-actions.ts';

const path = '/forgot-password';
const chosen = 'another horse, another battery';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function request(email: string, browser = new PageBrowser(app)) {
  await browser.open('/login');
  expect(browser.text).toContain(`href="${path}"`);
  await browser.open(path);
  return browser.submit(path, { email });
}

describe('/forgot-password', () => {
  it('mails a link that sets a new password, with which the user signs in', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    expect((await request(` ${email} `, browser)).status).toBe(200);
    await browser.open(`/reset-password?token=${await newestMailedToken(app, email, '/reset-password')}`);
    const { text } = await browser.submit('/reset-password', { password: chosen });
    expect(text).toContain('href="/login"');
    expect((await signIn(browser, email, chosen)).headers.get('location')).toBe('/account');
  });

  it('shows the same page for an address without an account, and mails nothing to it', async () => {
    const [known, unknown] = [await addVerifiedUser(app), uniqueEmail()];
    const [one, two] = [await request(known), await request(unknown)];
    expect(one.text.replaceAll(known, 'EMAIL')).toBe(two.text.replaceAll(unknown, 'EMAIL'));
    await awaitMailRequests(app);
    expect([await mailsTo(app, known), await mailsTo(app, unknown)]).toEqual([
      expect.arrayContaining(['reset_password']),
      [],
    ]);
  });

  it('422 complains of what is no address, escapes it and keeps it', async () => {
    const { status, text } = await request('"><script>alert(1)</script>');
    expect([status, foreignScripts(text), text.includes('&lt;script&gt;')]).toEqual([422, [], true]);
  });
});
