import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { loginMethodsEnabled } from '#test/support/login-by-mail.ts';
import { PageBrowser } from '#test/support/page-browser.ts';
import { addVerifiedUser, newestMailedToken, register, sameOrigin, uniqueEmail } from '#test/support/user-actions.ts';

let app: Application;
beforeAll(async () => {
  app = await Application.open({ env: loginMethodsEnabled });
  return () => app.close();
});

const langOf = (text: string) => /<html lang="([\w-]+)"/.exec(text)?.[1];
const german = { 'accept-language': 'de' };

async function languageOf(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
  return langOf((await app.send('GET', path, { headers })).text);
}

describe('the language of a page', () => {
  it('is that of the address, then of the cookie, then of the browser, then English', async () => {
    const cookie = 'latchkey_lang=de';
    expect(await languageOf('/login?ui_locales=en', { cookie, ...german })).toBe('en');
    expect(await languageOf('/login', { cookie, 'accept-language': 'en' })).toBe('de');
    expect(await languageOf('/login', german)).toBe('de');
    expect(await languageOf('/login')).toBe('en');
  });

  it('is the first of several tags that pages have', async () => {
    expect(await languageOf('/login?ui_locales=xx+de-AT%20en')).toBe('de');
    expect(await languageOf('/login?ui_locales=xx', german)).toBe('de');
  });

  it.each([
    'ui_locales=',
    'ui_locales=%zz',
    'ui_locales=<script>',
    'ui_locales=__proto__',
    `ui_locales=${'de+'.repeat(200)}`,
    'ui_locales=constructor',
  ])('ignores %s', async (query) => {
    const { status, text, cookies } = await app.send('GET', `/login?${query}`);
    expect([status, langOf(text)]).toEqual([200, 'en']);
    expect(cookies.filter((line) => line.startsWith('latchkey_lang'))).toEqual([]);
  });

  it('is kept for a year in a cookie of its catalogue, also by a page that leads elsewhere', async () => {
    for (const path of ['/login?ui_locales=DE-at', '/account?ui_locales=de']) {
      const { cookies } = await app.send('GET', path);
      const line = cookies.find((each) => each.startsWith('latchkey_lang='));
      expect(line).toMatch(/^latchkey_lang=de; Path=\/; HttpOnly; SameSite=Lax; Expires=/);
      const days = (Date.parse(/Expires=(.*)$/.exec(line ?? '')?.[1] ?? '') - app.clock.now().getTime()) / 86_400_000;
      expect(Math.round(days)).toBe(365);
    }
  });

  it('is that of a problem too', async () => {
    const { status, text } = await app.send('GET', '/verify-email?token=lk_ot_x&ui_locales=de');
    expect([status, langOf(text)]).toEqual([400, 'de']);
  });
});

describe('the switch in the foot', () => {
  const linksOf = (text: string) =>
    [...text.matchAll(/href="(\?[^"]*)" lang="(\w+)"/g)].map(([, href, lang]) => [lang, href]);

  it('keeps the query that the page knows, and nothing else', async () => {
    const { text } = await app.send('GET', '/login?continue=%2Faccount%2Fdata&utm=x&ui_locales=en');
    expect(linksOf(text)).toEqual([
      ['de', '?continue=%2Faccount%2Fdata&amp;ui_locales=de'],
      ['en', '?continue=%2Faccount%2Fdata&amp;ui_locales=en'],
    ]);
    expect(text).toContain('aria-current="true">English</a>');
  });

  it('keeps the token of a link that works; that of a link that does not is the same page without it', async () => {
    const email = uniqueEmail();
    await register(app, email);
    const token = await newestMailedToken(app, email, '/verify-email');
    const { text } = await app.send('GET', `/verify-email?token=${token}`);
    expect(linksOf(text)[0]).toEqual(['de', `?token=${token}&amp;ui_locales=de`]);
    const refused = await app.send('GET', '/verify-email?token=lk_ot_unknown');
    expect([linksOf(refused.text)[0], refused.text.includes('lk_ot_unknown')]).toEqual([
      ['de', '?ui_locales=de'],
      false,
    ]);
    const german = await app.send('GET', '/verify-email?ui_locales=de');
    expect([german.status, langOf(german.text)]).toEqual([400, 'de']);
    expect(german.text).toContain('href="/resend-verification"');
  });

  it('keeps the link on the page of another browser, and uses nothing up', async () => {
    const [email, browser] = [await addVerifiedUser(app), new PageBrowser(app)];
    await browser.open('/login');
    await browser.submit('/login', { email, password: '', act: 'magic_link' });
    const token = await newestMailedToken(app, email, '/login/magic-link');
    const elsewhere = await app.send('GET', `/login/magic-link?token=${token}`);
    const [, german = ''] = linksOf(elsewhere.text)[0] ?? [];
    expect([elsewhere.status, german]).toEqual([403, `?token=${token}&amp;ui_locales=de`]);
    const shown = await app.send('GET', `/login/magic-link${german.replace('&amp;', '&')}`);
    expect([shown.status, langOf(shown.text)]).toEqual([403, 'de']);
    await browser.open(`/login/magic-link?token=${token}`);
    expect((await browser.submit('/login/magic-link')).status).toBe(303);
  });

  it('of a problem keeps what was not looked at, and repeats nothing that was refused', async () => {
    const env = { LATCHKEY_LIMIT_PAGES: '1/15m' };
    const limited = await Application.open({ deploymentOf: app, env });
    await limited.send('GET', '/login');
    const path = '/reset-password?token=lk_ot_x&utm=mail';
    const waiting = await limited.send('GET', path);
    expect([waiting.status, linksOf(waiting.text)[0]]).toEqual([429, ['de', '?token=lk_ot_x&amp;ui_locales=de']]);
    expect(waiting.text).toContain('<a class="button" href="?token=lk_ot_x">');
    await limited.close();
    const incomplete = await app.send('POST', '/reset-password', { form: { token: 'lk_ot_x' }, headers: sameOrigin });
    expect([incomplete.status, linksOf(incomplete.text)[0]]).toEqual([422, ['de', '?ui_locales=de']]);
  });

  it('of a form that is shown again leads to its page with the same query', async () => {
    const browser = new PageBrowser(app);
    await browser.open('/login?continue=%2Faccount%2Fsecurity');
    const { text } = await browser.submit('/login', { email: 'ada', password: '' });
    expect(linksOf(text)[0]).toEqual(['de', '?continue=%2Faccount%2Fsecurity&amp;ui_locales=de']);
  });
});
