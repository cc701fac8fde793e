/** Applications on sibling subdomains of `LATCHKEY_COOKIE_DOMAIN`, in a real browser: one is listed, one is hostile. */
import { tmpdir } from 'node:os';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { openChromium } from './support/chromium.ts';
import { client, dataOf } from './support/client.ts';
import { awaitLink, readInbox, tokenOf } from './support/inbox.ts';
import { runCommand } from './support/program.ts';
import { type RunningServer, type ServerOptions, settingsOf, startServer } from './support/server.ts';
import { openTlsFront } from './support/tls-front.ts';

const domain = 'people.test';
const [email, password] = ['ada@example.com', 'a long enough password'];

let server: RunningServer;
let browser: Browser;
let context: BrowserContext;
let api: string;
let listed: Page;
let hostile: Page;

beforeAll(async () => {
  const front = await openTlsFront(domain);
  const origin = (name: string) => `https://${name}.${domain}:${front.port}`;
  api = `${origin('auth')}/api/v1`;
  const options: ServerOptions = {
    database: await cloneDatabase(),
    publicUrl: origin('auth'),
    env: { LATCHKEY_COOKIE_DOMAIN: domain },
  };
  const list = ['client', 'set-origins', '--origin', origin('app')];
  expect((await runCommand(list, settingsOf(options, tmpdir(), 0))).code).toBe(0);
  server = await startServer(options);
  front.forwardTo(server.url);
  browser = await openChromium([`--host-resolver-rules=MAP *.${domain} 127.0.0.1`]);
  context = await browser.newContext({ ignoreHTTPSErrors: true });
  [listed, hostile] = [await context.newPage(), await context.newPage()];
  await listed.goto(origin('app'));
  await hostile.goto(origin('evil'));
  const direct = client(server.url);
  dataOf(await direct.register({ email, password }));
  dataOf(await direct.verify(tokenOf(await awaitLink(() => readInbox(server.opsUrl, email), '/verify-email'))));
  return async () => {
    await browser.close();
    await front[Symbol.asyncDispose]();
    expect(await server.stop()).toBe(0);
  };
});

/** The status of a request with cookies that a page's script sends; `blocked` when the browser lets it read nothing. */
function send(page: Page, method: string, path: string, json?: object): Promise<number | string> {
  const body =
    json === undefined ? {} : { body: JSON.stringify(json), headers: { 'content-type': 'application/json' } };
  const [url, init] = [api + path, { method, credentials: 'include', ...body }].map((value) => JSON.stringify(value));
  return page.evaluate(`fetch(${url}, ${init}).then(({ status }) => status, () => 'blocked')`);
}

const cookies = async () => (await context.cookies()).map(({ name, domain: of }) => `${name} ${of}`).sort();

it('a listed application logs in with the shared cookie, reads and writes; no other cookie is shared', async () => {
  expect(await send(listed, 'POST', '/auth/login', { email, password, transport: 'cookie' })).toBe(200);
  expect(await cookies()).toEqual(['__Host-latchkey-device auth.people.test', '__Secure-latchkey .people.test']);
  expect(await send(listed, 'GET', '/auth/session')).toBe(200);
  expect(await send(listed, 'PATCH', '/users/me', { name: 'Ada' })).toBe(200);
});

it('a hostile subdomain can neither read nor write with the cookie that the browser sends', async () => {
  expect(await send(hostile, 'GET', '/auth/session')).toBe('blocked');
  expect(await send(hostile, 'PATCH', '/users/me', { name: 'Mallory' })).toBe('blocked');
  expect(await send(hostile, 'POST', '/auth/logout')).toBe('blocked');
  const form = `Object.assign(document.createElement('form'), { method: 'post', action: '${api}/auth/logout' })`;
  await hostile.evaluate(`document.body.appendChild(${form}).submit()`);
  await hostile.waitForURL('**/logout');
  expect(await hostile.textContent('body')).toContain('cross_site_request');
  expect(await send(listed, 'GET', '/auth/session')).toBe(200);
});

it('a cookie that a hostile subdomain plants counts with the real one as none, and never as its own', async () => {
  await hostile.goto(hostile.url().replace('//auth.', '//evil.'));
  const plant = (attributes: string) =>
    hostile.evaluate(
      `document.cookie = '__Secure-latchkey=planted; Domain=${domain}; Path=/api; Secure; ${attributes}'`,
    );
  await plant('');
  expect(await send(listed, 'GET', '/auth/session')).toBe(401);
  await plant('Max-Age=0');
  expect(await send(listed, 'GET', '/auth/session')).toBe(200);
});

it('logout from the listed application expires the shared cookie', async () => {
  expect(await send(listed, 'POST', '/auth/logout')).toBe(200);
  expect(await cookies()).toEqual(['__Host-latchkey-device auth.people.test']);
  expect(await send(listed, 'GET', '/auth/session')).toBe(401);
});
