/** A page of somebody else in a real browser, with a visitor who is logged in: it changes nothing and reads nothing. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeChanges, takePicture } from '../packages/server/test/faults/statements/row-changes.ts';
import { connectDirectly } from '../packages/server/test/support/direct-connection.ts';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { createDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import type { ExpectedOperation } from '../packages/server/test/surface/expected-operation.ts';
import { expectedOperations } from '../packages/server/test/surface/operations.ts';
import { openChromium } from './support/chromium.ts';
import { type Client, client, dataOf } from './support/client.ts';
import { attack, openHostileSite, turnHostile } from './support/hostile-site.ts';
import { awaitLink, tokenOf } from './support/inbox.ts';
import { type RunningServer, startServer } from './support/server.ts';

const password = 'a long enough password';

/** What anybody's scripts may read, without cookies. */
const open = ['/.well-known/jwks.json omit', '/openapi.json omit'];

const windowsAtOnce = 12;

let server: RunningServer;
let ours: string;
let database: Awaited<ReturnType<typeof connectDirectly>>;
let browser: Browser;
let hostilePort: number;
let people: Client;

beforeAll(async () => {
  const url = await createDatabase();
  const env = { ...loginMethodsEnabled, LATCHKEY_SECURITY_CONTACT: 'mailto:security@example.com' };
  server = await startServer({ database: url, env });
  ours = `http://localhost:${new URL(server.url).port}`;
  people = client(server.url);
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

async function addPerson(email: string): Promise<string> {
  dataOf(await people.register({ email, password }));
  const link = await awaitLink(() => people.inbox(email), '/verify-email');
  dataOf(await people.verify(tokenOf(link)));
  return email;
}

/** A browser in which somebody is logged in by cookie; answers the session's id too. */
async function logInBrowser(email: string, options: { readonly bypassCSP?: boolean } = {}) {
  const context = await browser.newContext(options);
  const data = { email, password, transport: 'cookie' };
  const answer = await context.request.post(`${ours}/api/v1/auth/login`, { data });
  const { sessionId } = ((await answer.json()) as { readonly data: { readonly sessionId: string } }).data;
  return { context, sessionId };
}

interface Target {
  readonly url: string;
  readonly method: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Where a page writes, with what would be accepted: `login` is what it logs visitors in with. */
function targetsFor(sessionId: string, login: Readonly<Record<string, string>>): Target[] {
  const writing = expectedOperations.filter(({ method }) => method !== 'GET');
  return writing.map(({ id, method, path, body, form }) => {
    const own: ExpectedOperation['body'] = id === 'login.password' ? { ...body, ...login } : (body ?? form ?? {});
    return { url: ours + path.replace('{id}', sessionId), method, fields: own };
  });
}

/** What a page reads. Those that are for development stand on this machine only, for anybody on it. */
function readable(kinds: readonly string[]): string[] {
  const reading = expectedOperations.filter(({ method, kind }) => method === 'GET' && kinds.includes(kind));
  return reading.map(({ path, query }) => ours + path + (query === undefined ? '' : `?${query}`));
}

/** Does something with each that opens a window, some at a time, and looks at the windows when they have loaded. */
async function inWindows<T>(
  context: BrowserContext,
  things: readonly T[],
  work: (some: readonly T[]) => Promise<unknown>,
  look: (windows: readonly Page[]) => Promise<unknown>,
): Promise<void> {
  for (let start = 0; start < things.length; start += windowsAtOnce) {
    const some = things.slice(start, start + windowsAtOnce);
    const windows: Page[] = [];
    const add = (window: Page) => void windows.push(window);
    context.on('page', add);
    await work(some);
    await eventually(() => windows.length === some.length, { what: `${some.length} windows are open` });
    context.off('page', add);
    await Promise.all(windows.map((window) => window.waitForLoadState('domcontentloaded')));
    await look(windows);
    await Promise.all(windows.map((window) => window.close()));
  }
}

async function changesBy(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = await takePicture(database);
  await work();
  return describeChanges(before, await takePicture(database));
}

describe.each([
  { site: 'cross-site', host: '127.0.0.1' },
  { site: 'same-site', host: 'localhost' },
])('a page that is $site', ({ site, host }) => {
  let context: BrowserContext;
  let page: Page;
  let targets: readonly Target[];
  let asked = 0;

  beforeAll(async () => {
    const attacker = await addPerson(`attacker-${site}@example.com`);
    const victim = await logInBrowser(await addPerson(`victim-${site}@example.com`));
    context = victim.context;
    targets = targetsFor(victim.sessionId, { email: attacker, password, transport: 'cookie' });
    page = await context.newPage();
    await page.goto(`http://${host}:${hostilePort}/`);
    context.on('request', (request) => {
      if (request.url().startsWith(ours)) asked += 1;
    });
    return () => context.close();
  });

  it('is what the browser says of it', async () => {
    await using neighbour = await openHostileSite();
    await attack(page, 'read', [ours.replace(/\d+$/, String(neighbour.port))]);
    expect(new Set(neighbour.seen)).toEqual(new Set([site]));
  });

  it('changes nothing by forms of every encoding, in frames and in windows', async () => {
    const cookies = await context.cookies();
    const changes = await changesBy(async () => {
      expect(await attack(page, 'sendForms', targets)).toEqual([]);
      await inWindows(
        context,
        targets,
        (some) => attack(page, 'sendFormsOnTop', some),
        async (windows) => expect(windows).not.toHaveLength(0),
      );
    });
    expect(changes).toEqual([]);
    expect(await context.cookies()).toEqual(cookies);
    expect(targets.length).toBeGreaterThan(20);
  });

  it('changes nothing by scripts, and reads no answer', async () => {
    const cookies = await context.cookies();
    const changes = await changesBy(async () => expect(await attack(page, 'write', targets)).toEqual([]));
    expect(changes).toEqual([]);
    expect(await context.cookies()).toEqual(cookies);
  });

  it('reads nothing by scripts but what is open to all, and never with cookies', async () => {
    const urls = readable(['api', 'page', 'document']);
    const changes = await changesBy(async () => {
      expect((await attack(page, 'read', urls)).toSorted()).toEqual(open);
      expect(await attack(page, 'include', urls)).toEqual([]);
    });
    expect(changes).toEqual([]);
    expect(urls.length).toBeGreaterThan(20);
  });

  it('frames nothing', async () => {
    const urls = readable(['api', 'page']);
    expect(await attack(page, 'embed', urls)).toEqual([]);
    const shown = page.frames().filter((frame) => frame.url().startsWith(ours));
    expect(shown.map((frame) => frame.url())).toEqual([]);
    expect(page.frames().length).toBeGreaterThan(urls.length);
  });

  it('changes nothing by opening windows, and sees nothing of them', async () => {
    const changes = await changesBy(async () => {
      await inWindows(
        context,
        readable(['api', 'page']),
        (some) => attack(page, 'openWindows', some),
        async () => expect(await attack(page, 'look')).toEqual([]),
      );
    });
    expect(changes).toEqual([]);
  });

  it('asked hundreds of times, and its visitor is still logged in', async () => {
    expect(asked).toBeGreaterThan(300);
    const me = await context.request.get(`${ours}/api/v1/users/me`);
    expect(await me.text()).toContain(`victim-${site}@example.com`);
  });
});

describe('a page of ours', () => {
  it('does and reads all this, so that what refuses others is where they come from', async () => {
    const email = await addPerson('own@example.com');
    const { context, sessionId } = await logInBrowser(email, { bypassCSP: true });
    const page = await context.newPage();
    await page.goto(`${ours}/docs`);
    await turnHostile(page);
    const read = await attack(page, 'read', readable(['api', 'page', 'document']));
    expect(read).toContain('/api/v1/users/me include');
    expect(await attack(page, 'include', [`${ours}/assets/latchkey.css`])).toEqual(['link /assets/latchkey.css']);
    const cookies = await context.cookies();
    const login = { email, password, transport: 'cookie' };
    const [targets, me] = [targetsFor(sessionId, login), `${ours}/api/v1/users/me`];
    const changes = await changesBy(async () => {
      const renamed = [{ url: me, method: 'PATCH', fields: { name: 'Renamed' } }];
      expect((await attack(page, 'write', renamed)).join()).toContain('"name":"Renamed"');
      const answers = await attack(page, 'write', targets);
      expect(answers.length).toBeGreaterThan(100);
      expect(answers.filter((answer) => answer.includes('cross_site_request'))).toEqual([]);
    });
    expect(changes).toContain('+ audit_events login.succeeded');
    expect(changes).toContain('+ audit_events session.logged_out');
    expect(changes).toContain('+ audit_events profile.changed');
    expect(await context.cookies()).not.toEqual(cookies);
    await context.close();
  });

  it('sends its form under its own policy; one from before the browser forgot its cookies comes back afresh', async () => {
    const email = await addPerson('forgetful@example.com');
    dataOf(await people.forgotPassword(email));
    const link = await awaitLink(() => people.inbox(email), '/reset-password');
    const context = await browser.newContext({ javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(ours + link.pathname + link.search);
    const send = async () => {
      await page.getByLabel(/password/i).fill('chosen on the page');
      await page.getByRole('button').click();
    };
    await context.clearCookies();
    await send();
    expect(await page.getByRole('alert').first().textContent()).toContain('once more');
    await send();
    expect(await page.textContent('h1')).toBe('Password set');
    dataOf(await people.login(email, 'chosen on the page'));
    await context.close();
  });
});
