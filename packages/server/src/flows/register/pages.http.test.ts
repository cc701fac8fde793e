import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser } from '#test/support/page-browser.ts';
import { addVerifiedUser, mailsTo, uniqueEmail, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

async function submit(fields: Readonly<Record<string, string>>, on = app, query = '') {
  const browser = new PageBrowser(on);
  await browser.open(`/register${query}`);
  const typed = { name: 'Ada Lovelace', email: uniqueEmail(), password: validPassword, ...fields };
  return { browser, response: await browser.submit('/register', typed) };
}

describe('/register', () => {
  it('303 to /check-mail with a ticket, for a free and a taken address alike', async () => {
    const taken = await addVerifiedUser(app);
    const email = uniqueEmail();
    const [free, again] = [await submit({ email }), await submit({ email: taken })];
    for (const { browser, response } of [free, again]) {
      expect([response.status, response.headers.get('location')]).toEqual([303, '/check-mail']);
      expect(browser.valueOf('latchkey_ticket')).toMatch(/^lk_lt_/);
    }
    expect([...again.response.headers.keys()]).toEqual([...free.response.headers.keys()]);
    expect(await mailsTo(app, email)).toEqual(['verify_email']);
    expect(await mailsTo(app, taken)).toEqual(['verify_email', 'already_registered']);
  });

  it.each([
    [{ name: '' }, ['name']],
    [{ name: 'a\u202eb' }, ['name']],
    [{ email: 'nobody' }, ['email']],
    [{ password: 'short' }, ['password']],
    [{ password: 'ada lovelace ada' }, ['password']],
    [{ name: '', email: '', password: '' }, ['name', 'email', 'password']],
  ])('422 for %j complains of each field, keeps what was typed and no password', async (fields, wrong) => {
    const { browser, response } = await submit(fields);
    expect(response.status).toBe(422);
    const complained = [...browser.text.matchAll(/<p class="complaint" id="(\w+)-complaint"/g)].map(([, name]) => name);
    expect(complained).toEqual(wrong);
    expect(browser.text).not.toContain(validPassword);
    expect(browser.text.match(/ autofocus/g)).toHaveLength(1);
  });

  it.each(['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '\u202eevil'])(
    'escapes the name %j',
    async (name) => {
      const { browser } = await submit({ name, email: 'nobody' });
      expect(browser.text).not.toMatch(/<script>alert|<img src=x/);
    },
  );

  it('carries a page of ours to the end of the sign-up, and refuses any other address', async () => {
    const { browser } = await submit({ email: 'nobody' }, app, '?continue=/account/security');
    expect(browser.text).toContain('name="continue" value="/account/security"');
    const refused = await app.send('GET', '/register?continue=https://evil.example/');
    expect([refused.status, refused.text.includes('href="https://evil')]).toEqual([400, false]);
    await browser.open('/register');
    const typed = { name: 'Ada', email: uniqueEmail(), password: validPassword, continue: 'https://evil.example/' };
    expect((await browser.submit('/register', typed)).status).toBe(400);
  });

  it('shows terms and privacy where the operator links both', async () => {
    expect((await submit({ email: 'nobody' })).browser.text).not.toContain('agree to the');
  });

  it.each([
    ['closed', 'Sign-up is closed'],
    ['invite', 'You need an invitation'],
  ])('403 where registration is %s', async (mode, title) => {
    const closed = await Application.open({ env: { LATCHKEY_REGISTRATION: mode } });
    const shown = await closed.send('GET', '/register');
    expect([shown.status, shown.text.includes(title), shown.text.includes('<form')]).toEqual([403, true, false]);
    await closed.close();
  });

  it('403 beside the email for a domain that is not allowed', async () => {
    const limited = await Application.open({ env: { LATCHKEY_EMAIL_DOMAINS_ALLOW: 'acme.example' } });
    const { browser, response } = await submit({}, limited);
    expect(response.status).toBe(403);
    expect(browser.text).toContain('id="email-complaint"');
    await limited.close();
  });
});
