/** People sign in from an application and get back to it, in a real browser, with scripts and without (ADR 0039). */
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { type ApplicationSite, openApplicationSite } from './support/application-site.ts';
import { runCommand } from './support/program.ts';
import { settingsOf } from './support/server.ts';
import { follow, password, pathOf, press, Site } from './support/site.ts';

let site: Site;
let application: ApplicationSite;

beforeAll(async () => {
  site = await Site.open(loginMethodsEnabled, 'embedded');
  application = await openApplicationSite((own) => {
    const back = encodeURIComponent(`${own}/callback?from=sign-in&x=1`);
    return {
      'Sign in': `${site.origin}/login?continue=${back}`,
      'Sign out': `${site.origin}/logout?continue=${encodeURIComponent(`${own}/`)}`,
      'Sign in for others': `${site.origin}/login?continue=${encodeURIComponent('https://evil.example/')}`,
    };
  });
  const set = ['client', 'set-origins', '--origin', application.origin];
  const { code } = await runCommand(set, settingsOf({ database: 'embedded' }, site.server.dataDirectory, 0));
  expect(code).toBe(0);
  return async () => {
    await site.close();
    await application[Symbol.asyncDispose]();
  };
});

async function fillIn(page: Page, email: string, typed = password): Promise<void> {
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(typed);
}

describe.each([true, false])('with scripts: %s', (javaScriptEnabled) => {
  const complaints: string[] = [];

  const open = (context?: BrowserContext) =>
    site.newPage({ javaScriptEnabled, complaints, ...(context && { context }) });

  /** Signs in from the first page of the application. */
  async function signedIn(email: string, page: Page): Promise<void> {
    await page.goto(application.origin);
    await follow(page, 'Sign in');
    expect(await page.getByText(`to continue to ${new URL(application.origin).host}`).isVisible()).toBe(true);
    await fillIn(page, email);
    await press(page, 'Sign in');
    await page.waitForURL(application.home);
  }

  it('gets back to an application whose callback redirects on, and back from there without a loop', async () => {
    const email = await site.addUser();
    const page = await open();
    await signedIn(email, page);
    await page.goBack();
    expect(pathOf(page)).toBe('/login/choose');
    // A page that led on by itself would do so within a second.
    await expect(page.waitForURL(application.home, { timeout: 1500 })).rejects.toThrow();
    await page.goBack();
    expect(page.url()).toBe(`${application.origin}/`);
    await follow(page, 'Sign in');
    await follow(page, `Continue to ${new URL(application.origin).host}`);
    await page.waitForURL(application.home);
    expect(complaints).toEqual([]);
  });

  it('gets back after a wrong password, and when the button is pressed twice', async () => {
    const email = await site.addUser();
    const page = await open();
    await page.goto(application.origin);
    await follow(page, 'Sign in');
    await fillIn(page, email, 'not the right one');
    await press(page, 'Sign in');
    await fillIn(page, email);
    await page.getByRole('button', { name: 'Sign in', exact: true }).dblclick();
    await page.waitForURL(application.home);
    expect(complaints).toEqual([]);
  });

  it('gets back by a mailed link, in two tabs that wait for one each', async () => {
    const context = await site.newContext({ javaScriptEnabled });
    const tabs = [
      { page: await open(context), email: await site.addUser() },
      { page: await open(context), email: await site.addUser() },
    ];
    for (const { page, email } of tabs) {
      await page.goto(application.origin);
      await follow(page, 'Sign in');
      await page.locator('#email').fill(email);
      await press(page, 'Email me a sign-in link');
      expect(await page.getByRole('heading', { name: 'Check your email' }).isVisible()).toBe(true);
    }
    for (const { page, email } of tabs) {
      await page.goto(await site.mailedLink(email, '/login/magic-link'));
      await press(page, 'Yes, sign in');
      await page.waitForURL(application.home);
    }
    expect(complaints).toEqual([]);
  });

  it('signs out, and gets back or signs in again', async () => {
    const email = await site.addUser();
    const page = await open();
    await signedIn(email, page);
    await page.goto(application.origin);
    await follow(page, 'Sign out');
    await press(page, 'Sign out');
    await page.waitForURL('**/signed-out**');
    await follow(page, `Back to ${new URL(application.origin).host}`);
    expect(page.url()).toBe(`${application.origin}/`);
    await page.goBack();
    await follow(page, 'Sign in again');
    await fillIn(page, email);
    await press(page, 'Sign in');
    await page.waitForURL(`${application.origin}/`);
    expect(complaints).toEqual([]);
  });

  it('stays here with an address of others', async () => {
    const page = await open();
    await page.goto(application.origin);
    await follow(page, 'Sign in for others');
    expect(await page.getByRole('heading', { name: 'This return address isn’t allowed' }).isVisible()).toBe(true);
    expect(pathOf(page)).toBe('/login');
  });
});
