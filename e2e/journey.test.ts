import { rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { type Client, client, dataOf, problemOf, type SessionRow, type Tokens } from './support/client.ts';
import { parseSetCookie } from './support/cookie-jar.ts';
import { awaitLink, readInbox, tokenOf } from './support/inbox.ts';
import { formFor, readForms, sameOrigin, submitForm } from './support/page.ts';
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

  it('works with tokens, on two devices', async () => {
    const email = 'Ada.Lovelace@Example.com';
    const laptop = client(server.url, { userAgent: 'laptop/1.0' });
    const phone = client(server.url, { userAgent: 'phone/1.0' });
    dataOf(await laptop.register({ email, password }));
    expect(problemOf(await laptop.login(email, password))).toBe('email_not_verified');
    dataOf(await laptop.verify(tokenOf(await mailedLink(server, email))));

    const onLaptop = dataOf(await laptop.login(email, password));
    const onPhone = dataOf(await phone.login(email, password));
    expect(JSON.stringify(dataOf(await laptop.me(onLaptop.accessToken)))).toContain(email);

    const refreshed = dataOf(await laptop.refresh(onLaptop.refreshToken));
    expect(refreshed.refreshToken).not.toBe(onLaptop.refreshToken);
    dataOf(await laptop.me(refreshed.accessToken));

    const rows = dataOf(await laptop.sessions(refreshed.accessToken));
    expect(rows).toHaveLength(2);
    dataOf(await laptop.endSession(other(rows).id, refreshed.accessToken));
    await awaitRevocation(phone, onPhone);
    expect(dataOf(await laptop.sessions(refreshed.accessToken))).toHaveLength(1);

    dataOf(await laptop.logout(refreshed.accessToken));
    await awaitRevocation(laptop, refreshed);
  });

  it('verifies on the page only when its form is submitted', async () => {
    const email = 'grace@example.com';
    const browser = client(server.url, { cookies: true });
    dataOf(await browser.register({ email, password }));
    const link = await mailedLink(server, email);

    const page = await browser.send('GET', link.pathname + link.search);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(problemOf(await browser.login(email, password))).toBe('email_not_verified');

    const form = formFor(readForms(await page.text()), '/verify-email');
    const submitted = await submitForm(browser, form);
    expect([200, 303]).toContain(submitted.status);
    dataOf(await browser.login(email, password));
  });

  it('works with a cookie, and rejects a cross-site write', async () => {
    const email = 'barbara@example.com';
    const browser = client(server.url, { cookies: true });
    await registerVerified(server, browser, email);

    const result = await browser.loginByCookie(email, password);
    expect(JSON.stringify(dataOf(result))).not.toMatch(/accessToken|refreshToken/);
    const cookie = result.headers.getSetCookie().map(parseSetCookie).find(isSession);
    expect(cookie?.attributes.get('samesite')).toBe('Lax');
    expect(cookie?.attributes.get('path')).toBe('/');
    expect(cookie?.attributes.has('httponly')).toBe(true);
    // The public URL is http://localhost, where a Secure cookie would not be sent back.
    expect(cookie?.attributes.has('secure')).toBe(false);
    dataOf(await browser.session());

    const crossSite = { 'sec-fetch-site': 'cross-site', origin: 'https://attacker.example' };
    const forged = await browser.api('POST', '/auth/logout', { headers: crossSite });
    expect(problemOf(forged)).toBe('cross_site_request');
    dataOf(await browser.session());

    const token = dataOf(await browser.api<Tokens>('POST', '/auth/token', { headers: sameOrigin })).accessToken;
    dataOf(await browser.me(token));

    const logout = await browser.api('POST', '/auth/logout', { headers: sameOrigin });
    dataOf(logout);
    expect(logout.headers.has('clear-site-data')).toBe(false);
    expect(browser.jar?.has('latchkey_session')).toBe(false);
    await eventually(async () => (await browser.me(token)).status === 401, within(1000));
  });

  it('logs out everywhere at once', async () => {
    const email = 'katherine@example.com';
    const device = client(server.url);
    await registerVerified(server, device, email);
    const sessions = [await device.login(email, password), await device.login(email, password)].map(dataOf);
    dataOf(await device.logoutAll(sessions[0]!.accessToken));
    for (const tokens of sessions) await awaitRevocation(device, tokens);
    dataOf(await device.login(email, password));
  });

  it('recovers on the mailed page and changes the password; each time everything older is revoked', async () => {
    const email = 'dorothy@example.com';
    const device = client(server.url, { cookies: true });
    await registerVerified(server, device, email);
    const before = dataOf(await device.login(email, password));

    dataOf(await device.forgotPassword(email));
    const link = await awaitLink(() => readInbox(server.opsUrl, email), '/reset-password');
    const page = await device.send('GET', link.pathname + link.search);
    const form = formFor(readForms(await page.text()), '/reset-password');
    const newPassword = 'chosen on the page';
    const submitted = await submitForm(device, { ...form, fields: { ...form.fields, password: newPassword } });
    expect(submitted.status).toBe(200);
    await awaitRevocation(device, before);
    expect(problemOf(await device.login(email, password))).toBe('invalid_credentials');
    expect(problemOf(await device.resetPassword(tokenOf(link), password))).toBe('invalid_token');

    const [acting, other] = [await device.login(email, newPassword), await device.login(email, newPassword)].map(
      dataOf,
    );
    expect(problemOf(await device.changePassword(password, 'chosen a third time', acting!.accessToken))).toBe(
      'invalid_password',
    );
    const newTokens = dataOf(await device.changePassword(newPassword, 'chosen a third time', acting!.accessToken));
    for (const tokens of [acting!, other!]) await awaitRevocation(device, tokens);
    dataOf(await device.me(newTokens.accessToken));
    dataOf(await device.refresh(newTokens.refreshToken));
  });

  it('keeps its data across a restart', async () => {
    const email = 'margaret@example.com';
    await registerVerified(server, client(server.url), email);
    const tokens = dataOf(await client(server.url).login(email, password));
    expect(await server.stop()).toBe(0);
    server = await restart();
    const device = client(server.url);
    dataOf(await device.login(email, password));
    dataOf(await device.refresh(tokens.refreshToken));
  });
});

async function registerVerified(server: RunningServer, device: Client, email: string): Promise<void> {
  dataOf(await device.register({ email, password }));
  dataOf(await device.verify(tokenOf(await mailedLink(server, email))));
}

function mailedLink({ opsUrl }: RunningServer, email: string): Promise<URL> {
  return awaitLink(() => readInbox(opsUrl, email), '/verify-email');
}

/** The access token must be rejected within a second, the refresh token immediately. */
async function awaitRevocation(device: Client, tokens: Tokens): Promise<void> {
  expect(problemOf(await device.refresh(tokens.refreshToken))).toBe('invalid_refresh_token');
  await eventually(async () => (await device.me(tokens.accessToken)).status === 401, within(1000));
}

function within(timeoutMs: number): { what: string; timeoutMs: number } {
  return { what: 'the access token is rejected', timeoutMs };
}

function other(rows: readonly SessionRow[]): SessionRow {
  const [row] = rows.filter(({ current }) => !current);
  expect(row).toBeDefined();
  return row!;
}

function isSession({ name }: { readonly name: string }): boolean {
  return name === 'latchkey_session';
}
