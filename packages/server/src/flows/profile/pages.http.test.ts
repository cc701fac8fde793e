import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { addVerifiedUser, login, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const path = '/account/profile';

async function signedIn() {
  const email = await addVerifiedUser(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  await browser.open(path);
  return { email, browser };
}

async function profileOf(email: string) {
  const token = (await login(app, email)).data.accessToken;
  return (await app.send<{ readonly name: string; readonly locale: string }>('GET', '/api/v1/users/me', { token }))
    .data;
}

describe('/account/profile', () => {
  it('shows name, language and email, and changes name and language', async () => {
    const { email, browser } = await signedIn();
    expect(browser.text).toContain(email);
    expect(browser.text).toContain('<option value="de" lang="de">Deutsch</option>');
    const sent = await browser.submit(path, { name: 'Grace <i>Hopper</i>', locale: 'de' });
    expect([sent.status, sent.headers.get('location')]).toEqual([303, `${path}?done=saved`]);
    const { text } = await browser.follow(sent);
    expect(text).toContain('role="status"');
    expect(text).toContain('value="Grace &lt;i&gt;Hopper&lt;/i&gt;"');
    expect(await profileOf(email)).toMatchObject({ name: 'Grace <i>Hopper</i>', locale: 'de' });
  });

  it.each(['', '\u202eadA', 'x'.repeat(201)])('422 for the name %j, which stays in the field', async (name) => {
    const { email, browser } = await signedIn();
    const sent = await browser.submit(path, { name, locale: 'de' });
    expect([sent.status, sent.text]).toEqual([422, expect.stringContaining('aria-invalid="true"')]);
    expect((await profileOf(email)).locale).toBe('en');
  });

  it('keeps the language when the form names one that it did not offer', async () => {
    const { email, browser } = await signedIn();
    expect((await browser.submit(path, { name: 'Ada', locale: 'xx-YY' })).status).toBe(303);
    expect(await profileOf(email)).toMatchObject({ name: 'Ada', locale: 'en' });
  });
});
