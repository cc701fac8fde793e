/** People sign in from an application and get back to it, in a real browser, with scripts and without (ADR 0039). */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { type ApplicationSite, openApplicationSite } from './support/application-site.ts';
import { openChromium } from './support/chromium.ts';
import { client, dataOf } from './support/client.ts';
import { awaitLink, readInbox, tokenOf } from './support/inbox.ts';
import { runCommand } from './support/program.ts';
import { type RunningServer, settingsOf, startServer } from './support/server.ts';

const password = 'a long enough password';

let server: RunningServer;
let origin: string;
let site: ApplicationSite;
let browser: Browser;
let people = 0;

beforeAll(async () => {
  server = await startServer({ database: 'embedded', env: loginMethodsEnabled });
  origin = `http://localhost:${new URL(server.url).port}`;
  site = await openApplicationSite((own) => {
    const back = encodeURIComponent(`${own}/callback?from=sign-in&x=1`);
    return {
      'Sign in': `${origin}/login?continue=${back}`,
      'Sign out': `${origin}/logout?continue=${encodeURIComponent(`${own}/`)}`,
      'Sign in for others': `${origin}/login?continue=${encodeURIComponent('https://evil.example/')}`,
    };
  });
  browser = await openChromium();
  const set = ['client', 'set-origins', '--origin', site.origin];
  const { code } = await runCommand(set, settingsOf({ database: 'embedded' }, server.dataDirectory, 0));
  expect(code).toBe(0);
  return async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
    expect(await server.stop()).toBe(0);
  };
});

async function addUser(): Promise<string> {
  people += 1;
  const email = `application.${people}@people.example`;
  const api = client(server.url);
  dataOf(await api.register({ email, password }));
  dataOf(await api.verify(tokenOf(await awaitLink(() => readInbox(server.opsUrl, email), '/verify-email'))));
  return email;
}

const pathOf = (page: Page) => new URL(page.url()).pathname;
const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const follow = (page: Page, name: string) => page.getByRole('link', { name, exact: true }).click();

async function fillIn(page: Page, email: string, typed = password): Promise<void> {
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(typed);
}

describe.each([true, false])('with scripts: %s', (javaScriptEnabled) => {
  const complaints: string[] = [];

  async function open(context?: BrowserContext): Promise<Page> {
    const page = await (context ?? (await browser.newContext({ javaScriptEnabled, locale: 'en' }))).newPage();
    page.on('console', (message) => {
      const isStatus = /status of (?:400|401|403|404|409|422|429)/.test(message.text());
      if (message.type() === 'error' && !isStatus) complaints.push(message.text());
    });
    return page;
  }

  /** Signs in from the first page of the application. */
  async function signedIn(email: string, page: Page): Promise<void> {
    await page.goto(site.origin);
    await follow(page, 'Sign in');
    expect(await page.getByText(`to continue to ${new URL(site.origin).host}`).isVisible()).toBe(true);
    await fillIn(page, email);
    await press(page, 'Sign in');
    await page.waitForURL(site.home);
  }

  it('gets back to an application whose callback redirects on, and back from there without a loop', async () => {
    const email = await addUser();
    const page = await open();
    await signedIn(email, page);
    await page.goBack();
    expect(pathOf(page)).toBe('/login/choose');
    // A page that led on by itself would do so within a second.
    await expect(page.waitForURL(site.home, { timeout: 1500 })).rejects.toThrow();
    await page.goBack();
    expect(page.url()).toBe(`${site.origin}/`);
    await follow(page, 'Sign in');
    await follow(page, `Continue to ${new URL(site.origin).host}`);
    await page.waitForURL(site.home);
    expect(complaints).toEqual([]);
  });

  it('gets back after a wrong password, and when the button is pressed twice', async () => {
    const email = await addUser();
    const page = await open();
    await page.goto(site.origin);
    await follow(page, 'Sign in');
    await fillIn(page, email, 'not the right one');
    await press(page, 'Sign in');
    await fillIn(page, email);
    await page.getByRole('button', { name: 'Sign in', exact: true }).dblclick();
    await page.waitForURL(site.home);
    expect(complaints).toEqual([]);
  });

  it('gets back by a mailed link, in two tabs that wait for one each', async () => {
    const context = await browser.newContext({ javaScriptEnabled, locale: 'en' });
    const tabs = [
      { page: await open(context), email: await addUser() },
      { page: await open(context), email: await addUser() },
    ];
    for (const { page, email } of tabs) {
      await page.goto(site.origin);
      await follow(page, 'Sign in');
      await page.locator('#email').fill(email);
      await press(page, 'Email me a sign-in link');
      expect(await page.getByRole('heading', { name: 'Check your email' }).isVisible()).toBe(true);
    }
    for (const { page, email } of tabs) {
      const link = await awaitLink(() => readInbox(server.opsUrl, email), '/login/magic-link');
      await page.goto(origin + link.pathname + link.search);
      await press(page, 'Yes, sign in');
      await page.waitForURL(site.home);
    }
    expect(complaints).toEqual([]);
  });

  it('signs out, and gets back or signs in again', async () => {
    const email = await addUser();
    const page = await open();
    await signedIn(email, page);
    await page.goto(site.origin);
    await follow(page, 'Sign out');
    await press(page, 'Sign out');
    await page.waitForURL('**/signed-out**');
    await follow(page, `Back to ${new URL(site.origin).host}`);
    expect(page.url()).toBe(`${site.origin}/`);
    await page.goBack();
    await follow(page, 'Sign in again');
    await fillIn(page, email);
    await press(page, 'Sign in');
    await page.waitForURL(`${site.origin}/`);
    expect(complaints).toEqual([]);
  });

  it('stays here with an address of others', async () => {
    const page = await open();
    await page.goto(site.origin);
    await follow(page, 'Sign in for others');
    expect(await page.getByRole('heading', { name: 'This return address isn’t allowed' }).isVisible()).toBe(true);
    expect(pathOf(page)).toBe('/login');
  });
});
