/** A server and a browser: what every test of pages starts with. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { cloneDatabase } from '../../packages/server/test/support/postgres.ts';
import { openChromium } from './chromium.ts';
import { client, dataOf } from './client.ts';
import { awaitLink, readInbox, tokenOf } from './inbox.ts';
import type { Settings } from './program.ts';
import { type RunningServer, startServer } from './server.ts';

/** The password of every user of a site. */
export const password = 'a long enough password';

/** Responses that a page expects, and the icon that test sites lack. */
const expectedErrors = /status of (?:400|401|403|404|409|422|429)|favicon/;

export interface PageOptions {
  readonly javaScriptEnabled?: boolean;
  /** Default: a new profile. */
  readonly context?: BrowserContext;
  /** Receives what the browser complains of, such as a blocked style. */
  readonly complaints?: string[];
}

export class Site {
  readonly server: RunningServer;
  /** Browsers have passkeys and a clipboard at `localhost`, and none at an IP address. */
  readonly origin: string;
  readonly browser: Browser;
  #users = 0;

  private constructor(server: RunningServer, browser: Browser) {
    this.server = server;
    this.origin = originOf(server);
    this.browser = browser;
  }

  /** @param database by default on PostgreSQL; a command takes effect at once on a server with the embedded one. */
  static async open(env: Settings = {}, database?: 'embedded'): Promise<Site> {
    const server = await startServer({ database: database ?? (await cloneDatabase()), env });
    return new Site(server, await openChromium());
  }

  /** @throws Error when the server does not stop in order. */
  async close(): Promise<void> {
    await this.browser.close();
    const code = await this.server.stop();
    if (code !== 0) throw new Error(`the server ended with ${code}`);
  }

  /** Registers and verifies a user; returns the address. */
  async addUser(of: RunningServer = this.server): Promise<string> {
    this.#users += 1;
    const email = `user.${this.#users}@people.example`;
    const api = client(of.url);
    dataOf(await api.register({ email, password }));
    dataOf(await api.verify(tokenOf(await mailedLink(of, email, '/verify-email'))));
    return email;
  }

  /** The newest mailed link to `path`, at this site's origin. */
  async mailedLink(email: string, path: string): Promise<string> {
    const { pathname, search } = await mailedLink(this.server, email, path);
    return this.origin + pathname + search;
  }

  newContext({ javaScriptEnabled = true }: PageOptions = {}): Promise<BrowserContext> {
    return this.browser.newContext({ javaScriptEnabled, locale: 'en' });
  }

  async newPage(options: PageOptions = {}): Promise<Page> {
    const page = await (options.context ?? (await this.newContext(options))).newPage();
    const { complaints } = options;
    if (complaints === undefined) return page;
    page.on('console', (message) => {
      const isExpected = expectedErrors.test(message.text() + message.location().url);
      if (message.type() === 'error' && !isExpected) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    return page;
  }
}

export function originOf(server: RunningServer): string {
  return `http://localhost:${new URL(server.url).port}`;
}

function mailedLink(server: RunningServer, email: string, path: string): Promise<URL> {
  return awaitLink(() => readInbox(server.opsUrl, email), path);
}

export const pathOf = (page: Page) => new URL(page.url()).pathname;
export const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
export const follow = (page: Page, name: string) => page.getByRole('link', { name, exact: true }).click();

/** Fills the form of the sign-in page in and sends it. */
export async function signIn(page: Page, email: string, typed = password): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(typed);
  await press(page, 'Sign in');
}
