/** A hostile page in a real browser with a logged-in visitor can change nothing and read nothing. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeChanges, takeSnapshot } from '../packages/server/test/faults/statements/row-changes.ts';
import { connectDirectly } from '../packages/server/test/support/direct-connection.ts';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import type { ExpectedOperation } from '../packages/server/test/surface/expected-operation.ts';
import { expectedOperations } from '../packages/server/test/surface/operations.ts';
import { openChromium } from './support/chromium.ts';
import { type Client, client, dataOf } from './support/client.ts';
import { attack, injectAttacks, openHostileSite } from './support/hostile-site.ts';
import { awaitLink, readInbox, tokenOf } from './support/inbox.ts';
import { type RunningServer, startServer } from './support/server.ts';

const password = 'a long enough password';

/** Readable by scripts of any origin, without cookies. */
const publicReads = ['/.well-known/jwks.json omit', '/openapi.json omit'];

const concurrentWindows = 12;

let server: RunningServer;
let serverOrigin: string;
let database: Awaited<ReturnType<typeof connectDirectly>>;
let browser: Browser;
let hostilePort: number;
let apiClient: Client;

beforeAll(async () => {
  const url = await cloneDatabase();
  const env = { ...loginMethodsEnabled, LATCHKEY_SECURITY_CONTACT: 'mailto:security@example.com' };
  server = await startServer({ database: url, env });
  serverOrigin = `http://localhost:${new URL(server.url).port}`;
  apiClient = client(server.url);
  database = await connectDirectly(url);
  const site = await openHostileSite();
  hostilePort = site.port;
  browser = await openChromium();
  return async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
    await database.end();
    expect(await server.stop()).toBe(0);
  };
});

async function addUser(email: string): Promise<string> {
  dataOf(await apiClient.register({ email, password }));
  const link = await awaitLink(() => readInbox(server.opsUrl, email), '/verify-email');
  dataOf(await apiClient.verify(tokenOf(link)));
  return email;
}

/** A browser context with a cookie session; returns the session id too. */
async function logInBrowser(email: string, options: { readonly bypassCSP?: boolean } = {}) {
  const context = await browser.newContext(options);
  const data = { email, password, transport: 'cookie' };
  const response = await context.request.post(`${serverOrigin}/api/v1/auth/login`, { data });
  const { sessionId } = ((await response.json()) as { readonly data: { readonly sessionId: string } }).data;
  return { context, sessionId };
}

interface Target {
  readonly url: string;
  readonly method: string;
  readonly fields: Readonly<Record<string, string | boolean>>;
}

/** The targets of writes, with valid input; `login` are the credentials for login CSRF. */
function targetsFor(sessionId: string, login: Readonly<Record<string, string>>): Target[] {
  const writes = expectedOperations.filter(({ method }) => method !== 'GET');
  return writes.map(({ id, method, path, body, form }) => {
    const members: ExpectedOperation['body'] = id === 'login.password' ? { ...body, ...login } : (body ?? form ?? {});
    const texts = Object.entries(members).map(([name, value]) => {
      return [name, typeof value === 'string' ? value : JSON.stringify(value)] as const;
    });
    const fields = Object.fromEntries(texts);
    return { url: serverOrigin + path.replace('{id}', sessionId), method, fields };
  });
}

/** The targets of reads. */
function readTargets(kinds: readonly string[]): string[] {
  const reads = expectedOperations.filter(({ method, kind }) => method === 'GET' && kinds.includes(kind));
  return reads.map(({ path, query }) => serverOrigin + path + (query === undefined ? '' : `?${query}`));
}

/**
 * Every so many items, others for each site: a window costs half a second. Frames and scripts, which are cheap, try all of
 * them, and what rejects the request of a window is the same for every operation.
 */
function sampleFor<T>(site: string, items: readonly T[], { oneOf }: { readonly oneOf: number }): T[] {
  const first = site === 'same-site' ? 0 : Math.floor(oneOf / 2);
  return items.filter((_, index) => index % oneOf === first);
}

/** Runs `work` in batches, each item opening a window, and calls `look` when the windows have loaded. */
async function inWindows<T>(
  context: BrowserContext,
  items: readonly T[],
  work: (batch: readonly T[]) => Promise<unknown>,
  inspect: (windows: readonly Page[]) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < items.length; start += concurrentWindows) {
    const batch = items.slice(start, start + concurrentWindows);
    const windows: Page[] = [];
    const add = (window: Page) => void windows.push(window);
    context.on('page', add);
    await work(batch);
    await eventually(() => windows.length === batch.length, { what: `${batch.length} windows are open` });
    context.off('page', add);
    await Promise.all(windows.map((window) => window.waitForLoadState('domcontentloaded')));
    await inspect(windows);
    await Promise.all(windows.map((window) => window.close()));
  }
}

async function changesBy(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = await takeSnapshot(database);
  await work();
  return describeChanges(before, await takeSnapshot(database));
}

describe.each([
  { site: 'cross-site', host: '127.0.0.1' },
  { site: 'same-site', host: 'localhost' },
])('a $site page', ({ site, host }) => {
  let context: BrowserContext;
  let page: Page;
  let targets: readonly Target[];
  let requestCount = 0;

  beforeAll(async () => {
    const attacker = await addUser(`attacker-${site}@example.com`);
    const victim = await logInBrowser(await addUser(`victim-${site}@example.com`));
    context = victim.context;
    targets = targetsFor(victim.sessionId, { email: attacker, password, transport: 'cookie' });
    page = await context.newPage();
    await page.goto(`http://${host}:${hostilePort}/`);
    context.on('request', (request) => {
      if (request.url().startsWith(serverOrigin)) requestCount += 1;
    });
    return () => context.close();
  });

  it('has the Sec-Fetch-Site of its description', async () => {
    await using otherSite = await openHostileSite();
    await attack(page, 'read', [serverOrigin.replace(/\d+$/, String(otherSite.port))]);
    expect(new Set(otherSite.fetchSites)).toEqual(new Set([site]));
  });

  it('changes nothing by forms of any encoding, in frames and windows', async () => {
    const cookies = await context.cookies();
    const changes = await changesBy(async () => {
      expect(await attack(page, 'sendForms', targets)).toEqual([]);
      await inWindows(
        context,
        sampleFor(site, targets, { oneOf: 8 }),
        (batch) => attack(page, 'sendFormsOnTop', batch),
        async (windows) => expect(windows).not.toHaveLength(0),
      );
    });
    expect(changes).toEqual([]);
    expect(await context.cookies()).toEqual(cookies);
    expect(targets.length).toBeGreaterThan(20);
  });

  it('changes nothing by scripts, and reads no response', async () => {
    const cookies = await context.cookies();
    const changes = await changesBy(async () => expect(await attack(page, 'write', targets)).toEqual([]));
    expect(changes).toEqual([]);
    expect(await context.cookies()).toEqual(cookies);
  });

  it('reads nothing by scripts but public documents, and never with cookies', async () => {
    const urls = readTargets(['api', 'page', 'document']);
    const changes = await changesBy(async () => {
      expect((await attack(page, 'read', urls)).toSorted()).toEqual(publicReads);
      expect(await attack(page, 'include', urls)).toEqual([]);
    });
    expect(changes).toEqual([]);
    expect(urls.length).toBeGreaterThan(20);
  });

  it('cannot frame any page', async () => {
    const urls = readTargets(['api', 'page']);
    expect(await attack(page, 'embed', urls)).toEqual([]);
    const framed = page.frames().filter((frame) => frame.url().startsWith(serverOrigin));
    expect(framed.map((frame) => frame.url())).toEqual([]);
    expect(page.frames().length).toBeGreaterThan(urls.length);
  });

  it('changes nothing by opening windows, and cannot read them', async () => {
    const changes = await changesBy(async () => {
      await inWindows(
        context,
        sampleFor(site, readTargets(['page']), { oneOf: 4 }),
        (batch) => attack(page, 'openWindows', batch),
        async () => expect(await attack(page, 'look')).toEqual([]),
      );
    });
    expect(changes).toEqual([]);
  });

  it('sent hundreds of requests, and its visitor is still logged in', async () => {
    expect(requestCount).toBeGreaterThan(300);
    const me = await context.request.get(`${serverOrigin}/api/v1/users/me`);
    expect(await me.text()).toContain(`victim-${site}@example.com`);
  });
});

describe('a page of the product', () => {
  it('can do and read all of this, so that the rejections above are due to the origin', async () => {
    const email = await addUser('own@example.com');
    const { context, sessionId } = await logInBrowser(email, { bypassCSP: true });
    const page = await context.newPage();
    await page.goto(`${serverOrigin}/docs`);
    await injectAttacks(page);
    const read = await attack(page, 'read', readTargets(['api', 'page', 'document']));
    expect(read).toContain('/api/v1/users/me include');
    expect(await attack(page, 'include', [`${serverOrigin}/assets/latchkey.css`])).toEqual([
      'link /assets/latchkey.css',
    ]);
    const cookies = await context.cookies();
    const login = { email, password, transport: 'cookie' };
    const [targets, me] = [targetsFor(sessionId, login), `${serverOrigin}/api/v1/users/me`];
    const changes = await changesBy(async () => {
      const renamed = [{ url: me, method: 'PATCH', fields: { name: 'Renamed' } }];
      expect((await attack(page, 'write', renamed)).join()).toContain('"name":"Renamed"');
      const responses = await attack(page, 'write', targets);
      expect(responses.length).toBeGreaterThan(100);
      expect(responses.filter((response) => response.includes('cross_site_request'))).toEqual([]);
      // Any of several requests may have ended the session of the others.
      for (const path of ['/api/v1/auth/login', '/api/v1/auth/logout']) {
        await attack(
          page,
          'write',
          targets.filter(({ url }) => url === serverOrigin + path),
        );
      }
    });
    expect(changes).toContain('+ audit_events login.succeeded');
    expect(changes).toContain('+ audit_events session.logged_out');
    expect(changes).toContain('+ audit_events profile.changed');
    expect(await context.cookies()).not.toEqual(cookies);
    await context.close();
  });

  it('submits its form under its policy; a form whose cookie was deleted is rendered again', async () => {
    const email = await addUser('cookies@example.com');
    dataOf(await apiClient.forgotPassword(email));
    const link = await awaitLink(() => readInbox(server.opsUrl, email), '/reset-password');
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(serverOrigin + link.pathname + link.search);
    const send = async () => {
      await page.locator('#password').fill('chosen on the page');
      await page.locator('main button[type=submit]').click();
    };
    await context.clearCookies();
    await send();
    expect(await page.getByRole('alert').first().textContent()).toContain('send it again');
    await send();
    expect(await page.textContent('h1')).toBe('Password set');
    dataOf(await apiClient.login(email, 'chosen on the page'));
    await context.close();
  });
});
