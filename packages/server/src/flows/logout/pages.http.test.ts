import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '#test/support/application.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import { sessionEndReasons } from '#test/support/stored-login.ts';
import { addLoggedInUser, isAccepted, sameOrigin, validPassword } from '#test/support/user-actions.ts';

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('/logout', () => {
  it('GET asks and changes nothing, POST signs this browser out and keeps its device known', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    for (const _ of [1, 2]) expect((await browser.open('/logout')).status).toBe(200);
    const out = await browser.submit('/logout');
    expect([out.status, out.headers.get('location')]).toEqual([303, '/signed-out']);
    expect((await browser.follow(out)).text).toContain('You’re signed out');
    expect(browser.cookieNames.filter((name) => /session|device/.test(name))).toEqual(['latchkey_device']);
    expect(await isAccepted(app, accessToken)).toBe(true);
    expect(await sessionEndReasons(app, email)).toContain('logout');
  });

  it('POST with the second button ends every session and forgets the device', async () => {
    const { email, accessToken } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    await browser.open('/logout');
    const out = await browser.submit('/logout', { act: 'everywhere' });
    expect((await browser.follow(out)).text).toContain('on every device');
    expect(await isAccepted(app, accessToken)).toBe(false);
    expect(browser.cookieNames).not.toContain('latchkey_device');
  });

  it('without a session says that nobody is signed in, and pressed twice is no error', async () => {
    const { email } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    const { text } = await browser.open('/logout');
    await browser.submit('/logout');
    const again = await browser.submitFrom(text, '/logout');
    expect([again.status, again.headers.get('location')]).toEqual([303, '/login']);
    expect((await browser.open('/logout?continue=%2Faccount')).headers.get('location')).toBe(
      '/signed-out?continue=%2Faccount',
    );
  });

  it('leads a browser that signed in again from the page of the history to the one that asks', async () => {
    const { email } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    expect((await browser.open('/signed-out')).headers.get('location')).toBe('/login/choose');
  });

  it('is not done for another site', async () => {
    const { email } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    const headers = { cookie: browser.cookie, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    expect((await app.send('POST', '/logout', { form: {}, headers })).status).toBe(403);
    const noToken = await app.send('POST', '/logout', {
      form: { formToken: 'A'.repeat(43) },
      headers: { ...sameOrigin, cookie: browser.cookie },
    });
    expect(noToken.status).toBe(403);
    expect((await browser.open('/account')).status).toBe(200);
  });

  it.each(['//evil.example', 'https://evil.example', '/api/v1/users/me'])('leads never to %s', async (target) => {
    const { email } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, email, validPassword));
    await browser.open('/logout');
    for (const act of ['switch', 'this']) {
      const out = await browser.submit('/logout', { act, continue: target });
      expect([out.status, out.headers.get('location')]).toEqual([400, null]);
      await browser.open('/logout');
    }
    expect((await browser.open('/account')).status).toBe(200);
  });
});

describe('/account', () => {
  it('shows who is signed in, without markup of their name', async () => {
    const { email, accessToken: token } = await addLoggedInUser(app);
    await app.send('PATCH', '/api/v1/users/me', { token, json: { name: '<b onclick=x>Ada</b>' } });
    const browser = new PageBrowser(app);
    const { text } = await browser.follow(await signIn(browser, email, validPassword));
    expect(text).toContain('&lt;b onclick=x&gt;Ada&lt;/b&gt;');
    expect(text).toContain(email);
    expect(text).toContain('<form method="post" action="/logout">');
  });

  it('leads a visitor to the sign-in page and back', async () => {
    const { email } = await addLoggedInUser(app);
    const browser = new PageBrowser(app);
    const asked = await browser.open('/account');
    expect(asked.headers.get('location')).toBe('/login?continue=%2Faccount');
    await browser.follow(asked);
    expect((await browser.submit('/login', { email, password: validPassword })).headers.get('location')).toBe(
      '/account',
    );
  });
});
