import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addVerifiedUser, isAccepted, type Tokens, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const path = '/account/sessions';
const phone =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1';

async function signedIn(language = 'en') {
  const email = await addVerifiedUser(app);
  const json = { email, password: validPassword, transport: 'token' };
  const headers = { 'user-agent': phone };
  const { accessToken } = (await app.send<Tokens>('POST', '/api/v1/auth/login', { json, headers })).data;
  const browser = new PageBrowser(app, { 'accept-language': language, 'user-agent': 'Mozilla/5.0' });
  await browser.follow(await signIn(browser, email, validPassword));
  await browser.open(path);
  return { email, accessToken, browser };
}

const rowsOf = (text: string) =>
  [...text.replace(/<h2>(?:Known devices|Bekannte Geräte)<.*/s, '').matchAll(/<p class="title">.*?<\/p>/g)].map(
    ([row]) =>
      row
        .replace(/<[^>]*>/g, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
  );

describe('/account/sessions', () => {
  it('lists the sessions in words, this device first, and no raw user agent', async () => {
    const { browser } = await signedIn();
    expect(rowsOf(browser.text)).toEqual(['Unknown browser This device Active now', 'Safari on iOS Active now']);
    expect(browser.text).not.toContain('AppleWebKit');
    expect(browser.text).toContain('with a password');
    expect(browser.text).toContain('aria-label="Sign out: Safari on iOS"');
  });

  it('says when a session was used last, in the language of the browser', async () => {
    const { browser } = await signedIn('de');
    app.clock.advance(3 * 60 * 60 * 1000);
    await browser.open(path);
    expect(rowsOf(browser.text)).toEqual(['Unbekannter Browser Dieses Gerät Jetzt aktiv', 'Safari auf iOS']);
    expect(browser.text).toContain('Zuletzt aktiv: vor 3 Stunden');
  });

  it('signs one session out, from the list or from its own page, and says so', async () => {
    const { browser, accessToken, email } = await signedIn();
    const question = /name="id" value="([^"]+)"/.exec(browser.text)?.[1] ?? '';
    const shown = await browser.open(`${path}/end?id=${question}`);
    expect([shown.status, shown.text]).toEqual([200, expect.stringContaining('Sign this session out?')]);
    expect(await isAccepted(app, accessToken)).toBe(true);
    const ended = await browser.submit(`${path}/end`);
    expect([ended.status, ended.headers.get('location')]).toEqual([303, `${path}?done=session_ended`]);
    expect((await browser.follow(ended)).text).toContain('role="status"');
    expect(await isAccepted(app, accessToken)).toBe(false);
    expect(rowsOf(browser.text)).toHaveLength(1);
    expect(await auditActionsOf(app, email)).toContain('session.ended');
  });

  it('303 to the list for the session of another user, an ended one and the current one', async () => {
    const [one, other] = [await signedIn(), await signedIn()];
    const foreign = /name="id" value="([^"]+)"/.exec(other.browser.text)?.[1] ?? '';
    const sent = await one.browser.submit(`${path}/end`, { id: foreign });
    expect([sent.status, sent.headers.get('location')]).toEqual([303, path]);
    expect(await isAccepted(app, other.accessToken)).toBe(true);
    for (const query of ['', `?id=${foreign}`, '?id=x']) {
      expect((await one.browser.open(`${path}/end${query}`)).headers.get('location')).toBe(path);
    }
  });

  it('signs out everywhere else', async () => {
    const { browser, accessToken } = await signedIn();
    const ended = await browser.follow(await browser.submit(`${path}/end-others`));
    expect(ended.text).toContain('You are signed out everywhere else.');
    expect(await isAccepted(app, accessToken)).toBe(false);
    expect(ended.text).not.toContain(`action="${path}/end-others"`);
  });
});
