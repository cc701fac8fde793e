import { beforeAll, describe, expect, it } from 'vitest';
import { Application, type AppResponse } from '#test/support/application.ts';
import { PageBrowser } from '#test/support/page-browser.ts';
import { codeOfSignUp } from '#test/support/sign-ups.ts';
import { addVerifiedUser, mailedToken, mailsTo, uniqueEmail, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const person = { name: 'Ada Lovelace', password: validPassword };

/** A browser that has signed up, and its address. */
async function signUpInBrowser(email = uniqueEmail(), on = app) {
  const browser = new PageBrowser(on);
  await browser.open('/register');
  const response = await browser.submit('/register', { ...person, email });
  expect([response.status, response.headers.get('location')]).toEqual([303, '/check-mail']);
  await browser.open('/check-mail');
  return { browser, email };
}

const isSignedIn = (browser: PageBrowser) =>
  browser.open('/account').then(({ status, text }) => status === 200 && text.includes('Ada Lovelace'));

describe('/check-mail', () => {
  it('shows the address, in bold and escaped, with a code field and a wait before the next mail', async () => {
    const { browser, email } = await signUpInBrowser(uniqueEmail('a&b'));
    expect(browser.text).toContain(`<b><bdi>${email.replace('&', '&amp;')}</bdi></b>`);
    expect(browser.text).toMatch(/<input id="code"[^>]* autocomplete="one-time-code"/);
    expect(browser.text).toMatch(/aria-disabled="true" data-wait="(60|59|58)"/);
  });

  it('signs in with the code, typed with a space, and removes the ticket', async () => {
    const { browser, email } = await signUpInBrowser();
    const code = await codeOfSignUp(app, email);
    const response = await browser.submit('/check-mail', {
      act: 'code',
      code: ` ${code.slice(0, 3)} ${code.slice(3)}`,
    });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/account']);
    expect(browser.cookieNames).not.toContain('latchkey_ticket');
    expect(await isSignedIn(browser)).toBe(true);
  });

  it.each([
    ['000', 422],
    ['abcdef', 422],
    ['', 422],
    ['0000000000', 422],
  ])('shows the form again for the code %j', async (code, status) => {
    const { browser } = await signUpInBrowser();
    const response = await browser.submit('/check-mail', { act: 'code', code });
    expect(response.status).toBe(status);
    expect(browser.text).toContain('aria-invalid="true"');
  });

  it('says of a wrong code what still works', async () => {
    const { browser, email } = await signUpInBrowser();
    const code = (await codeOfSignUp(app, email)) === '000000' ? '000001' : '000000';
    expect((await browser.submit('/check-mail', { act: 'code', code })).status).toBe(401);
    expect(browser.text).toContain('Enter the one from the newest email, or open the link in it.');
  });

  it('signs in once the link was opened in another browser, and says that it was not before', async () => {
    const { browser, email } = await signUpInBrowser();
    expect((await browser.submit('/check-mail', { act: 'confirmed' })).status).toBe(403);
    expect(browser.text).toContain('isn’t confirmed yet');
    const other = new PageBrowser(app);
    await other.open(`/verify-email?token=${await mailedToken(app, email)}`);
    await other.submit('/verify-email', { choice: 'verify' });
    expect(other.text).toContain('You can sign in now');
    expect(await isSignedIn(other)).toBe(false);
    expect((await browser.submit('/check-mail', { act: 'confirmed' })).status).toBe(303);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('is the same for a taken address, whatever is pressed', async () => {
    const taken = await signUpInBrowser(await addVerifiedUser(app));
    const free = await signUpInBrowser();
    const normal = (text: string, email: string) =>
      text
        .replaceAll(email, 'the address')
        .replace(/name="(login|formToken)" value="[^"]*"/g, '')
        .replace(/\b\d\d seconds|data-wait="\d\d"/g, '');
    for (const fields of [{ act: 'confirmed' }, { act: 'code', code: '123456' }, { act: 'resend' }]) {
      const [one, another] = [
        await taken.browser.submit('/check-mail', fields),
        await free.browser.submit('/check-mail', fields),
      ];
      expect([one.status, [...one.headers.keys()]]).toEqual([another.status, [...another.headers.keys()]]);
      expect(normal(one.text, taken.email)).toBe(normal(another.text, free.email));
    }
    expect(await mailsTo(app, taken.email)).toEqual(['verify_email', 'already_registered']);
  });

  it('acts on nothing from a form that was shown for an earlier sign-up', async () => {
    const { browser, email } = await signUpInBrowser();
    const earlier = browser.text;
    await browser.open('/register');
    await browser.submit('/register', { ...person, email: uniqueEmail() });
    const code = await codeOfSignUp(app, email);
    expect((await browser.submitFrom(earlier, '/check-mail', { act: 'code', code })).status).toBe(409);
    expect(browser.text).toContain('went on in another tab');
  });

  it('shows nothing to another browser that has the ticket', async () => {
    const { browser, email } = await signUpInBrowser();
    const thief = new PageBrowser(app);
    await thief.open('/register');
    thief.set('latchkey_ticket', browser.valueOf('latchkey_ticket') ?? '');
    const shown = await thief.open('/check-mail');
    expect([shown.status, shown.text.includes(email)]).toEqual([400, false]);
    // A link that the thief's browser opens signs in the browser of no ticket that it merely copied.
    await thief.open(`/verify-email?token=${await mailedToken(app, email)}`);
    thief.set('latchkey_ticket', browser.valueOf('latchkey_ticket') ?? '');
    expect((await thief.submit('/verify-email', { choice: 'verify' })).status).toBe(200);
    expect(await isSignedIn(thief)).toBe(false);
  });

  it('sends the mail again after a minute, once, with a new code', async () => {
    const moved = await Application.open();
    const { browser, email } = await signUpInBrowser(uniqueEmail(), moved);
    expect((await browser.submit('/check-mail', { act: 'resend' })).status).toBe(429);
    moved.clock.advance(60_000);
    await browser.open('/check-mail');
    expect(browser.text).not.toContain('data-wait');
    const response = await browser.submit('/check-mail', { act: 'resend' });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/check-mail?done=sent_again']);
    await browser.open('/check-mail?done=sent_again');
    expect(browser.text).toContain('We sent it again');
    const code = await codeOfSignUp(moved, email, 2);
    expect((await browser.submit('/check-mail', { act: 'code', code })).status).toBe(303);
    await moved.close();
  });

  it('ends after an hour, and in a browser without a ticket', async () => {
    const moved = await Application.open();
    const { browser } = await signUpInBrowser(uniqueEmail(), moved);
    const { text } = browser;
    moved.clock.advance(3_600_000);
    expect((await browser.submitFrom(text, '/check-mail', { act: 'confirmed' })).status).toBe(401);
    expect(browser.text).toContain('This page has expired');
    expect((await new PageBrowser(moved).open('/check-mail')).status).toBe(400);
    await moved.close();
  });
});

describe('/verify-email in the browser that signed up', () => {
  it('signs in, pressed twice too', async () => {
    const { browser, email } = await signUpInBrowser();
    await browser.open(`/verify-email?token=${await mailedToken(app, email)}`);
    const { text } = browser;
    expect((await browser.submit('/verify-email', { choice: 'verify' })).headers.get('location')).toBe('/account');
    expect(await isSignedIn(browser)).toBe(true);
    expect((await browser.submitFrom(text, '/verify-email', { choice: 'verify' })).status).toBe(200);
    expect(browser.text).toContain('Email confirmed');
  });

  it('signs in with a link that was pressed elsewhere before', async () => {
    const { browser, email } = await signUpInBrowser();
    const path = `/verify-email?token=${await mailedToken(app, email)}`;
    await browser.open(path);
    const other = new PageBrowser(app);
    await other.open(path);
    await other.submit('/verify-email', { choice: 'verify' });
    expect((await browser.submit('/verify-email', { choice: 'verify' })).status).toBe(303);
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('does not sign in the ticket of another registration of that address', async () => {
    const email = uniqueEmail();
    const attacker = await signUpInBrowser(email);
    const owner = await signUpInBrowser(email);
    const token = await mailedToken(app, email, 2);
    await attacker.browser.open(`/verify-email?token=${token}`);
    expect((await attacker.browser.submit('/verify-email', { choice: 'verify' })).status).toBe(200);
    expect(await isSignedIn(attacker.browser)).toBe(false);
    await owner.browser.open('/check-mail');
    expect((await owner.browser.submit('/check-mail', { act: 'confirmed' })).status).toBe(303);
    await attacker.browser.open('/check-mail');
    expect((await attacker.browser.submit('/check-mail', { act: 'confirmed' })).status).toBe(403);
  });

  it('leads a user who needs a second factor to its step', async () => {
    const strict = await Application.open({ env: { LATCHKEY_SECOND_FACTOR_FOR: 'everybody' } });
    const { browser, email } = await signUpInBrowser(uniqueEmail(), strict);
    const code = await codeOfSignUp(strict, email);
    const response = await browser.submit('/check-mail', { act: 'code', code });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/login/enroll']);
    expect((await browser.open('/login/enroll')).status).toBe(200);
    await strict.close();
  });
});

it('leads on to the return address from a link that is opened in another browser, after signing in', async () => {
  const [browser, email] = [new PageBrowser(app), uniqueEmail()];
  await browser.open('/register?continue=%2Faccount%2Fsecurity');
  await browser.submit('/register', { ...person, email });
  // A link that was requested again has it as well.
  await app.send('POST', '/api/v1/auth/resend-verification', { json: { email } });
  const other = new PageBrowser(app);
  await other.open(`/verify-email?token=${await mailedToken(app, email, 2)}`);
  await other.submit('/verify-email', { choice: 'verify' });
  expect(other.text).toContain('href="/login?continue=%2Faccount%2Fsecurity"');
  await other.open('/login?continue=%2Faccount%2Fsecurity');
  const done = await other.submit('/login', { email, password: validPassword });
  expect(done.headers.get('location')).toBe('/account/security');
});

describe('a button that is pressed twice', () => {
  const onlyOneSession = (responses: readonly AppResponse[]) => {
    expect(responses.map(({ status, headers }) => [status, headers.get('location')])).toEqual(
      responses.map(() => [303, '/account']),
    );
    const withSession = responses.filter(({ cookies }) => cookies.join().includes('latchkey_session='));
    expect(withSession).toHaveLength(1);
  };

  it('leads on twenty times after the link, with one session', async () => {
    const { browser, email } = await signUpInBrowser();
    await browser.open(`/verify-email?token=${await mailedToken(app, email)}`);
    const { text } = browser;
    const clicks = Array.from({ length: 20 }, () => browser.submitFrom(text, '/verify-email', { choice: 'verify' }));
    onlyOneSession(await Promise.all(clicks));
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('leads on four times after the code, with one session; a code has five tries', async () => {
    const { browser, email } = await signUpInBrowser();
    const [{ text }, code] = [browser, await codeOfSignUp(app, email)];
    const clicks = Array.from({ length: 4 }, () => browser.submitFrom(text, '/check-mail', { act: 'code', code }));
    onlyOneSession(await Promise.all(clicks));
    expect(await isSignedIn(browser)).toBe(true);
  });

  it('leads nowhere in another browser, and a minute later', async () => {
    const { browser, email } = await signUpInBrowser();
    const token = await mailedToken(app, email);
    await browser.open(`/verify-email?token=${token}`);
    const { text } = browser;
    const ticket = browser.valueOf('latchkey_ticket') ?? '';
    await browser.submitFrom(text, '/verify-email', { choice: 'verify' });
    const other = new PageBrowser(app);
    await other.open('/register');
    other.set('latchkey_ticket', ticket);
    expect((await other.open('/check-mail')).status).toBe(400);
    browser.set('latchkey_ticket', ticket);
    expect((await browser.open('/check-mail')).headers.get('location')).toBe('/account');
    app.clock.advance(60_000);
    expect((await browser.open('/check-mail')).status).toBe(400);
  });
});
