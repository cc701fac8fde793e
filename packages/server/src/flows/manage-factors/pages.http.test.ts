import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { foreignScripts } from '#test/support/markup.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { codeNow } from '#test/support/second-factors.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addVerifiedUser, isAccepted, login, mailsTo, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

const appPath = '/account/security/app';
const removePath = '/account/security/remove-app';
const codesPath = '/account/security/recovery-codes';
const minutes = (count: number) => app.clock.advance(count * 60_000);

async function signedIn(): Promise<{ readonly email: string; readonly browser: PageBrowser }> {
  const email = await addVerifiedUser(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  return { email, browser };
}

/** Opens the page with the key, and returns the key. */
async function begin(browser: PageBrowser): Promise<string> {
  await browser.open(appPath);
  const { text } = await browser.submit(appPath, { act: 'begin' });
  return (/<output id="key"[^>]*>([^<]+)</.exec(text)?.[1] ?? '').replaceAll(' ', '');
}

const codesOn = (text: string) =>
  [...text.matchAll(/<li><code dir="ltr">([^<]+)<\/code>/g)].map(([, code = '']) => code);

/** A user with an app that was set up on the page. */
async function withApp() {
  const { email, browser } = await signedIn();
  const secret = await begin(browser);
  const confirmed = await browser.submit(appPath, { act: 'confirm', code: codeNow(app, secret) });
  return { email, browser, secret, confirmed, codes: codesOn(confirmed.text) };
}

describe('/account/security', () => {
  it('sets an app up: the key as picture and text, a code, then ten recovery codes, once', async () => {
    const { email, browser } = await signedIn();
    const other = (await login(app, email)).data.accessToken;
    expect((await browser.open('/account/security')).text).toContain(`href="${appPath}"`);
    const secret = await begin(browser);
    expect(browser.text).toMatch(
      /<div class="qr"><svg [^>]*role="img"[^>]*><path [^>]*><path d="M[\dMhvHz ]+"\/><\/svg>/,
    );
    expect([browser.text.includes('style='), foreignScripts(browser.text)]).toEqual([false, []]);
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    const before = browser.valueOf('latchkey_session');
    const confirmed = await browser.submit(appPath, { act: 'confirm', code: codeNow(app, secret) });
    expect([confirmed.status, codesOn(confirmed.text).length]).toEqual([200, 10]);
    expect(browser.valueOf('latchkey_session')).not.toBe(before);
    expect(await isAccepted(app, other)).toBe(false);
    expect(await mailsTo(app, email)).toContain('second_factor_added');
    const { text } = await browser.open('/account/security');
    expect(text).toContain('10 recovery codes left');
    expect(codesOn(text)).toEqual([]);
    expect((await login(app, email)).data.step).toBe('second_factor');
  });

  it('keeps the key after a wrong code, and shows it no second time', async () => {
    const { browser } = await signedIn();
    const secret = await begin(browser);
    const wrong = await browser.submit(appPath, { act: 'confirm', code: '000000' });
    expect([wrong.status, wrong.text.includes('aria-invalid="true"')]).toEqual([401, true]);
    expect(wrong.text.replaceAll(' ', '')).not.toContain(secret);
    expect(wrong.text).not.toContain('class="qr"');
    expect((await browser.submit(appPath, { act: 'confirm', code: codeNow(app, secret) })).status).toBe(200);
  });

  it('GET changes nothing and shows no key; a set-up that was never begun says so', async () => {
    const { browser, email } = await signedIn();
    for (const path of [appPath, removePath, codesPath]) {
      const { status, text } = await browser.open(path);
      expect([status, /class="(?:qr|secret)"/.test(text)]).toEqual([200, false]);
    }
    await browser.open(appPath);
    expect((await browser.submit(appPath, { act: 'confirm', code: '000000' })).status).toBe(409);
    expect(await auditActionsOf(app, email)).not.toContain('factor.enrolled');
  });

  it('replaces the app with the first code of another one, and keeps the recovery codes', async () => {
    const { browser, email, secret: first } = await withApp();
    const secret = await begin(browser);
    const replaced = await browser.submit(appPath, { act: 'confirm', code: codeNow(app, secret) });
    expect(replaced.headers.get('location')).toBe('/account/security?done=app_on');
    const { text } = await browser.follow(replaced);
    expect(text).toContain('role="status"');
    expect(text).toContain('10 recovery codes left');
    expect(secret).not.toBe(first);
    expect((await auditActionsOf(app, email)).filter((action) => action === 'factor.enrolled')).toHaveLength(2);
  });

  it('makes new recovery codes, and the old ones end', async () => {
    const { browser, codes, email } = await withApp();
    await browser.open(codesPath);
    const made = await browser.submit(codesPath, { act: 'confirm' });
    const fresh = codesOn(made.text);
    expect([made.status, fresh.length, fresh.some((code) => codes.includes(code))]).toEqual([200, 10, false]);
    const other = new PageBrowser(app);
    await other.follow(await signIn(other, email, validPassword));
    await other.open('/login/recovery-code');
    expect((await other.submit('/login/recovery-code', { recoveryCode: codes[0] ?? '' })).status).toBe(401);
    expect((await other.submit('/login/recovery-code', { recoveryCode: fresh[0] ?? '' })).status).toBe(303);
    expect((await other.open('/account/security')).text).toContain('9 recovery codes left');
    expect(await mailsTo(app, email)).toContain('recovery_codes_made');
  });

  it('removes the app, and pressing twice is no error', async () => {
    const { browser, email } = await withApp();
    const { text } = await browser.open(removePath);
    const removed = await browser.submit(removePath, { act: 'confirm' });
    expect(removed.headers.get('location')).toBe('/account/security?done=app_removed');
    expect((await browser.follow(removed)).text).toContain('role="status"');
    const again = await browser.submitFrom(text, removePath, { act: 'confirm' });
    expect([again.status, again.headers.get('location')]).toEqual([303, '/account/security']);
    expect((await login(app, email)).data.step).toBeUndefined();
    expect(await mailsTo(app, email)).toContain('second_factor_removed');
  });

  it('asks for a recent proof when a page is opened, and accepts its form a quarter of an hour longer', async () => {
    const { browser, email } = await withApp();
    const pages = new Map<string, string>();
    for (const path of [appPath, removePath, codesPath]) pages.set(path, (await browser.open(path)).text);
    minutes(6);
    for (const path of pages.keys()) {
      expect((await browser.open(path)).headers.get('location')).toBe(`/step-up?continue=${encodeURIComponent(path)}`);
    }
    expect((await browser.submitFrom(pages.get(codesPath) ?? '', codesPath, { act: 'confirm' })).status).toBe(200);
    minutes(15);
    for (const [path, text] of pages) {
      const sent = await browser.submitFrom(text, path, path === appPath ? { act: 'begin' } : { act: 'confirm' });
      expect([sent.status, sent.headers.get('location')]).toEqual([
        303,
        `/step-up?continue=${encodeURIComponent(path)}`,
      ]);
    }
    expect(await auditActionsOf(app, email)).not.toContain('factor.removed');
    expect((await auditActionsOf(app, email)).filter((action) => action === 'recovery_codes.made')).toHaveLength(1);
  });

  it('has nothing to show to a visitor, and does nothing for another site', async () => {
    const { browser } = await withApp();
    const visitor = new PageBrowser(app);
    expect((await visitor.open('/account/security')).headers.get('location')).toBe(
      '/login?continue=%2Faccount%2Fsecurity',
    );
    const headers = { cookie: browser.cookie, 'sec-fetch-site': 'cross-site' };
    const form = { act: 'confirm' };
    expect((await app.send('POST', removePath, { form, headers })).status).toBe(403);
    expect((await browser.open('/account/security')).text).toContain(`href="${removePath}"`);
  });

  it('turns two factors on once of twenty submissions at once, and shows one set of codes', async () => {
    const { browser, email } = await signedIn();
    const secret = await begin(browser);
    const { text } = browser;
    const code = codeNow(app, secret);
    const sent = () => browser.submitFrom(text, appPath, { act: 'confirm', code });
    const responses = await Promise.all(Array.from({ length: 20 }, sent));
    expect(responses.filter((response) => codesOn(response.text).length === 10)).toHaveLength(1);
    expect((await auditActionsOf(app, email)).filter((action) => action === 'factor.enrolled')).toHaveLength(1);
  });
});
