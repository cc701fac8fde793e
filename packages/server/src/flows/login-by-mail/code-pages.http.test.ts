import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { loginMethodsEnabled, mailedCodes, wrongCode } from '#test/support/login-by-mail.ts';
import { awaitMailRequests } from '#test/support/mail-requests.ts';
import { PageBrowser } from '#test/support/page-browser.ts';
import { addVerifiedUser, mailsTo, register, uniqueEmail } from '#test/support/user-actions.ts';
import { setStatus } from '#test/support/user-status.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

const path = '/login/email-code';

/** A browser that requested a code on the sign-in page, and shows the code's page. */
async function asked(email: string, query = ''): Promise<PageBrowser> {
  const browser = new PageBrowser(app);
  await browser.open(`/login${query}`);
  const { status } = await browser.submit('/login', { email, password: '', act: 'email_code' });
  expect(status).toBe(200);
  return browser;
}

async function codeOf(email: string, count = 1): Promise<string> {
  return (await mailedCodes(app, email, count))[0] ?? '';
}

const bare = (text: string, email: string) =>
  text.replaceAll(email, 'EMAIL').replaceAll(/formToken" value="[^"]*"/g, '');

describe('/login/email-code', () => {
  it('signs in the browser that asked, with the code as it is read aloud', async () => {
    const email = await addVerifiedUser(app);
    const browser = await asked(email);
    const code = await codeOf(email);
    const done = await browser.submit(path, { code: ` ${code.slice(0, 3)} ${code.slice(3)} ` });
    expect([done.status, done.headers.get('location')]).toEqual([303, '/account']);
    expect((await browser.follow(done)).text).toContain(email);
  });

  it('leads on to the page that the sign-in was opened with', async () => {
    const email = await addVerifiedUser(app);
    const browser = await asked(email, '?continue=%2Faccount%2Fsecurity');
    const done = await browser.submit(path, { code: await codeOf(email) });
    expect(done.headers.get('location')).toBe('/account/security');
  });

  it('shows the same pages for an address without an account, right up to the sixth guess', async () => {
    const [known, unknown] = [await addVerifiedUser(app), uniqueEmail()];
    const texts: string[][] = [];
    for (const email of [known, unknown]) {
      const browser = await asked(email);
      const shown = [browser.text];
      const wrong = email === known ? wrongCode(await codeOf(email)) : '000000';
      for (let guess = 0; guess < 6; guess += 1) {
        const { status, text } = await browser.submit(path, { code: wrong });
        shown.push(`${status} ${text}`);
      }
      texts.push(shown.map((text) => bare(text, email)));
    }
    expect(texts[0]).toEqual(texts[1]);
    expect(texts[0]?.map((text) => text.slice(0, 3))).toEqual(['<!d', '401', '401', '401', '401', '401', '429']);
  });

  it('takes five tries: then the right code is wrong as well, and a new one works', async () => {
    const email = await addVerifiedUser(app);
    const browser = await asked(email);
    const code = await codeOf(email);
    for (let guess = 1; guess <= 5; guess += 1) await browser.submit(path, { code: wrongCode(code, guess) });
    app.clock.advance(60_000);
    const dead = await browser.submit(path, { code });
    expect([dead.status, dead.text.includes('id="code-complaint"')]).toEqual([401, true]);
    const again = await browser.submit(path, { email, act: 'send' });
    expect(again.status).toBe(200);
    expect((await mailedCodes(app, email, 2)).length).toBe(2);
  });

  it('401 in another browser, which learns nothing', async () => {
    const email = await addVerifiedUser(app);
    await asked(email);
    const code = await codeOf(email);
    const other = new PageBrowser(app);
    await other.open(path);
    const refused = await other.submit(path, { act: '', email, code }).catch(() => undefined);
    expect(refused?.status ?? 422).toBe(422);
    const attacker = await asked(uniqueEmail());
    const typed = await attacker.submit(path, { email, code });
    expect([typed.status, typed.cookies.join().includes('latchkey_session=')]).toEqual([401, false]);
  });

  it('exactly one of twenty that send the right code at once is signed in', async () => {
    const email = await addVerifiedUser(app);
    const browser = await asked(email);
    const [text, code] = [browser.text, await codeOf(email)];
    const attempts = Array.from({ length: 20 }, () => browser.submitFrom(text, path, { code }));
    const statuses = (await Promise.all(attempts)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 303)).toHaveLength(1);
  });

  it('422 for what is no code and for what is no address, and counts no try', async () => {
    const email = await addVerifiedUser(app);
    const browser = await asked(email);
    const code = await codeOf(email);
    for (const typed of ['', '12345', '1234567', 'abcdef', '１２３４５６']) {
      const { status, text } = await browser.submit(path, { email, code: typed });
      expect([status, text.includes('Enter the six digits')]).toEqual([422, true]);
    }
    expect((await browser.submit(path, { email: 'ada', code })).text).toContain('Enter your email');
    const fresh = await asked(email);
    expect(fresh.text).toContain('Check your email');
  });

  it('GET asks for an address, and mails nothing', async () => {
    const email = await addVerifiedUser(app);
    const browser = new PageBrowser(app);
    const shown = await browser.open(`${path}?continue=%2Faccount`);
    expect([shown.status, shown.text.includes('name="email"')]).toEqual([200, true]);
    expect((await browser.submit(path, { email })).text).toContain('a code is on its way');
    await awaitMailRequests(app);
    expect(await mailsTo(app, email)).toContain('email_code');
  });

  it('400 for a return address that is not allowed, shown and sent', async () => {
    const browser = new PageBrowser(app);
    expect((await browser.open(`${path}?continue=https%3A%2F%2Fevil.example`)).status).toBe(400);
    const email = await addVerifiedUser(app);
    const own = await asked(email);
    const sent = await own.submit(path, { code: await codeOf(email), continue: 'https://evil.example' });
    expect([sent.status, sent.cookies]).toEqual([400, []]);
  });

  it('mails nothing to an unverified address and to a disabled user, and says the same', async () => {
    const unverified = uniqueEmail();
    await register(app, unverified);
    const disabled = await addVerifiedUser(app);
    await setStatus(app, disabled, 'disabled');
    for (const email of [unverified, disabled]) {
      expect((await asked(email)).text).toContain(`If ${email} has an account, a code is on its way.`);
      await awaitMailRequests(app);
      expect(await mailsTo(app, email)).not.toContain('email_code');
    }
  });

  it('404 where codes are not enabled, and its button is not shown', async () => {
    const other = await Application.open({ deploymentOf: app, env: { LATCHKEY_MAGIC_LINK: '1' } });
    const browser = new PageBrowser(other);
    expect((await browser.open(path)).status).toBe(404);
    expect((await browser.open('/login')).text).not.toContain('email_code');
    expect((await browser.submit('/login', { email: uniqueEmail(), act: 'email_code' })).status).toBe(404);
    await other.close();
  });
});
