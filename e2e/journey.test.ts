import { rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client, dataOf, refusalOf, type SessionRow, type Tokens } from './support/client.ts';
import { parseSetCookie } from './support/cookie-jar.ts';
import { awaitLink, tokenOf } from './support/inbox.ts';
import { formFor, press, readForms, sameOrigin } from './support/page.ts';
import { makeDirectory, type RunningServer, startServer } from './support/server.ts';

const password = 'a long enough password';

describe.each(['embedded', 'postgres'] as const)('from registration to logout, on the %s database', (kind) => {
  let server: RunningServer;
  let restart: () => Promise<RunningServer>;

  beforeAll(async () => {
    const database = kind === 'embedded' ? 'embedded' : await createDatabase();
    const dataDirectory = makeDirectory();
    restart = () => startServer({ database, dataDirectory });
    server = await restart();
    return async () => {
      expect(await server.stop()).toBe(0);
      rmSync(dataDirectory, { recursive: true });
    };
  });

  it('goes all the way with tokens, on two devices', async () => {
    const email = 'Ada.Lovelace@Example.com';
    const laptop = client(server.url, { userAgent: 'laptop/1.0' });
    const phone = client(server.url, { userAgent: 'phone/1.0' });
    dataOf(await laptop.register({ email, password }));
    expect(refusalOf(await laptop.login(email, password))).toBe('email_not_verified');
    dataOf(await laptop.verify(tokenOf(await mailedLink(laptop, email))));

    const onLaptop = dataOf(await laptop.login(email, password));
    const onPhone = dataOf(await phone.login(email, password));
    expect(JSON.stringify(dataOf(await laptop.me(onLaptop.accessToken)))).toContain(email);

    const refreshed = dataOf(await laptop.refresh(onLaptop.refreshToken));
    expect(refreshed.refreshToken).not.toBe(onLaptop.refreshToken);
    dataOf(await laptop.me(refreshed.accessToken));

    const rows = dataOf(await laptop.sessions(refreshed.accessToken));
    expect(rows).toHaveLength(2);
    dataOf(await laptop.endSession(other(rows).id, refreshed.accessToken));
    await untilDead(phone, onPhone);
    expect(dataOf(await laptop.sessions(refreshed.accessToken))).toHaveLength(1);

    dataOf(await laptop.logout(refreshed.accessToken));
    await untilDead(laptop, refreshed);
  });

  it('verifies by the page only when its button is pressed', async () => {
    const email = 'grace@example.com';
    const browser = client(server.url, { cookies: true });
    dataOf(await browser.register({ email, password }));
    const link = await mailedLink(browser, email);

    const page = await browser.send('GET', link.pathname + link.search);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(refusalOf(await browser.login(email, password))).toBe('email_not_verified');

    const form = formFor(readForms(await page.text()), '/verify-email');
    const pressed = await press(browser, form);
    expect([200, 303]).toContain(pressed.status);
    dataOf(await browser.login(email, password));
  });

  it('goes all the way with a cookie, and refuses a write from another site', async () => {
    const email = 'barbara@example.com';
    const browser = client(server.url, { cookies: true });
    await registerVerified(browser, email);

    const answer = await browser.loginByCookie(email, password);
    expect(JSON.stringify(dataOf(answer))).not.toMatch(/accessToken|refreshToken/);
    const cookie = answer.headers.getSetCookie().map(parseSetCookie).find(isSession);
    expect(cookie?.attributes.get('samesite')).toBe('Lax');
    expect(cookie?.attributes.get('path')).toBe('/');
    expect(cookie?.attributes.has('httponly')).toBe(true);
    // The public URL of this server is http://localhost, where Secure would keep the cookie from coming back.
    expect(cookie?.attributes.has('secure')).toBe(false);
    dataOf(await browser.session());

    const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://elsewhere.example' };
    const forged = await browser.api('POST', '/auth/logout', { headers: crossSite });
    expect(refusalOf(forged)).toBe('cross_site_request');
    dataOf(await browser.session());

    const token = dataOf(await browser.api<Tokens>('POST', '/auth/token', { headers: sameOrigin })).accessToken;
    dataOf(await browser.me(token));

    const logout = await browser.api('POST', '/auth/logout', { headers: sameOrigin });
    dataOf(logout);
    expect(logout.headers.get('clear-site-data')).toBe('"storage"');
    expect(browser.jar?.has('latchkey_session')).toBe(false);
    await eventually(async () => (await browser.me(token)).status === 401, within(1000));
  });

  it('ends everything everywhere at once', async () => {
    const email = 'katherine@example.com';
    const device = client(server.url);
    await registerVerified(device, email);
    const all = [await device.login(email, password), await device.login(email, password)].map(dataOf);
    dataOf(await device.logoutAll(all[0]!.accessToken));
    for (const tokens of all) await untilDead(device, tokens);
    dataOf(await device.login(email, password));
  });

  it('recovers by the mailed page and changes the password, and each time everything older is dead', async () => {
    const email = 'dorothy@example.com';
    const device = client(server.url, { cookies: true });
    await registerVerified(device, email);
    const before = dataOf(await device.login(email, password));

    dataOf(await device.forgotPassword(email));
    const link = await awaitLink(() => device.inbox(email), '/reset-password');
    const page = await device.send('GET', link.pathname + link.search);
    const form = formFor(readForms(await page.text()), '/reset-password');
    const chosen = 'chosen on the page';
    const pressed = await press(device, { ...form, fields: { ...form.fields, password: chosen } });
    expect(pressed.status).toBe(200);
    await untilDead(device, before);
    expect(refusalOf(await device.login(email, password))).toBe('invalid_credentials');
    expect(refusalOf(await device.resetPassword(tokenOf(link), password))).toBe('invalid_token');

    const [acting, other] = [await device.login(email, chosen), await device.login(email, chosen)].map(dataOf);
    expect(refusalOf(await device.changePassword(password, 'chosen a third time', acting!.accessToken))).toBe(
      'invalid_password',
    );
    const renewed = dataOf(await device.changePassword(chosen, 'chosen a third time', acting!.accessToken));
    for (const tokens of [acting!, other!]) await untilDead(device, tokens);
    dataOf(await device.me(renewed.accessToken));
    dataOf(await device.refresh(renewed.refreshToken));
  });

  it('finds its data again after an orderly restart', async () => {
    const email = 'margaret@example.com';
    await registerVerified(client(server.url), email);
    const tokens = dataOf(await client(server.url).login(email, password));
    expect(await server.stop()).toBe(0);
    server = await restart();
    const device = client(server.url);
    dataOf(await device.login(email, password));
    dataOf(await device.refresh(tokens.refreshToken));
  });
});

async function registerVerified(device: Client, email: string): Promise<void> {
  dataOf(await device.register({ email, password }));
  dataOf(await device.verify(tokenOf(await mailedLink(device, email))));
}

function mailedLink(device: Client, email: string): Promise<URL> {
  return awaitLink(() => device.inbox(email), '/verify-email');
}

/** The access token must die within a second, the refresh token with the answer already. */
async function untilDead(device: Client, tokens: Tokens): Promise<void> {
  expect(refusalOf(await device.refresh(tokens.refreshToken))).toBe('invalid_refresh_token');
  await eventually(async () => (await device.me(tokens.accessToken)).status === 401, within(1000));
}

function within(timeoutMs: number): { what: string; timeoutMs: number } {
  return { what: 'the access token is dead', timeoutMs };
}

function other(rows: readonly SessionRow[]): SessionRow {
  const [row] = rows.filter(({ current }) => !current);
  expect(row).toBeDefined();
  return row!;
}

function isSession({ name }: { readonly name: string }): boolean {
  return name === 'latchkey_session';
}
