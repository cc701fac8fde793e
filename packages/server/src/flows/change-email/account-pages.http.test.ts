import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { addVerifiedUser, mailsTo, newestMailedToken, uniqueEmail, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: { LATCHKEY_EMAIL_DOMAINS_DENY: 'denied.example' } });
  return () => app.close();
});

const profile = '/account/profile';
const path = `${profile}/email`;
const minutes = (count: number) => app.clock.advance(count * 60_000);

async function signedIn() {
  const email = await addVerifiedUser(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  return { email, browser };
}

describe('/account/profile/email', () => {
  it('mails a link to the new address, shows the change that waits, and cancels it', async () => {
    const { email, browser } = await signedIn();
    const newEmail = uniqueEmail('new');
    await browser.open(path);
    const { text } = await browser.follow(await browser.submit(path, { newEmail }));
    expect(text).toContain('Check the new address');
    expect(text).toContain(`<bdi>${newEmail}</bdi>`);
    expect(await newestMailedToken(app, newEmail, '/confirm-email-change')).not.toBe('');
    expect(await mailsTo(app, email)).toContain('email_change_requested');
    const canceled = await browser.follow(await browser.submit(`${profile}/cancel-email`));
    expect(canceled.text).toContain('Your email stays as it is.');
    expect(canceled.text).not.toContain(newEmail);
    expect((await browser.open(`${profile}/cancel-email`)).text).toContain('Cancel the change of your email?');
  });

  it.each([
    ['no address', 'ada', 422, 'Enter an email address'],
    ['a denied domain', 'ada@denied.example', 403, 'This address can’t be used here'],
    ['a long text', 'a'.repeat(900), 422, 'Enter an email address'],
  ])('%s gets a sentence beside the field, which keeps what was typed', async (_, newEmail, status, sentence) => {
    const { browser } = await signedIn();
    await browser.open(path);
    const sent = await browser.submit(path, { newEmail });
    expect([sent.status, sent.text]).toEqual([status, expect.stringContaining(sentence)]);
    expect(sent.text).toContain(`value="${newEmail}"`);
  });

  it('422 for the email that the account has', async () => {
    const { browser, email } = await signedIn();
    await browser.open(path);
    const sent = await browser.submit(path, { newEmail: email });
    expect([sent.status, sent.text]).toEqual([422, expect.stringContaining('This is your email already.')]);
  });

  it('says the same for a taken address', async () => {
    const [taken, { browser }] = [await addVerifiedUser(app), await signedIn()];
    await browser.open(path);
    const { text } = await browser.follow(await browser.submit(path, { newEmail: taken }));
    expect(text).toContain('Check the new address');
    expect(await mailsTo(app, taken)).toContain('email_change_taken');
  });

  it('needs a recent proof to open, which the form may outlive by a quarter of an hour', async () => {
    const { browser } = await signedIn();
    minutes(4);
    await browser.open(path);
    const { text } = browser;
    minutes(15);
    expect((await browser.open(path)).headers.get('location')).toBe(`/step-up?continue=${encodeURIComponent(path)}`);
    const sent = await browser.submitFrom(text, path, { newEmail: uniqueEmail('later') });
    expect(sent.headers.get('location')).toBe(`${profile}?done=email_requested`);
    minutes(2);
    const late = await browser.submitFrom(text, path, { newEmail: uniqueEmail('late') });
    expect(late.headers.get('location')).toBe(`/step-up?continue=${encodeURIComponent(path)}`);
  });
});
