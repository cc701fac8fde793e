/** People sign in, set an authenticator app up and sign out in a real browser, with scripts and without. */
import type { BrowserContext, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { codeNow } from '../packages/server/test/support/second-factors.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { readInbox } from './support/inbox.ts';
import { type RunningServer, startServer } from './support/server.ts';
import { originOf, password, pathOf, press, Site, signIn } from './support/site.ts';

const realTime = { clock: { now: () => new Date() } };

let site: Site;

beforeAll(async () => {
  site = await Site.open(loginMethodsEnabled);
  return () => site.close();
});

/** The newest code that was mailed to an address. */
function awaitCode(of: RunningServer, email: string): Promise<string> {
  const find = async () => {
    const messages = await readInbox(of.opsUrl, email);
    const codes = messages.filter(({ links }) => links.length === 0);
    return codes.map(({ text }) => /^(\d{6})$/m.exec(text)?.[1]).find((code) => code !== undefined);
  };
  return eventually(find, { what: `${email} has a code`, timeoutMs: 20_000 });
}

/** A whole code is sent by itself where there are scripts, and else by its button. */
async function enterCode(page: Page, code: string, buttonName: string): Promise<void> {
  const field = page.getByLabel('6-digit code');
  const sendsItself = await page.getByText('It is sent as soon as').isVisible();
  const answered = page.waitForEvent('load');
  await field.fill(code);
  if (!sendsItself) await press(page, buttonName);
  await answered;
}

/** Sets an authenticator app up on the account's page; returns its key and the recovery codes. */
async function setUpApp(page: Page): Promise<{ readonly secret: string; readonly codes: readonly string[] }> {
  await page.goto(`${site.origin}/account/security`);
  await page.getByRole('link', { name: 'Set up an authenticator app' }).click();
  await press(page, 'Start');
  expect(await page.getByRole('img', { name: /QR code/ }).isVisible()).toBe(true);
  const secret = (await page.locator('.secret output').innerText()).replaceAll(' ', '');
  await enterCode(page, codeNow(realTime, secret), 'Turn on');
  const codes = await page.locator('.codes code').allInnerTexts();
  expect(codes).toHaveLength(10);
  return { secret, codes };
}

describe.each([true, false])('with scripts: %s', (javaScriptEnabled) => {
  const complaints: string[] = [];

  const open = (context?: BrowserContext) =>
    site.newPage({ javaScriptEnabled, complaints, ...(context && { context }) });

  it('signs in with a password after a wrong one, and back at the sign-in page is still signed in', async () => {
    const email = await site.addUser();
    const page = await open();
    await page.goto(`${site.origin}/account`);
    expect(pathOf(page)).toBe('/login');
    await signIn(page, email, 'not the right one');
    expect(await page.getByRole('alert').filter({ hasText: 'belong together' }).isVisible()).toBe(true);
    expect(await page.getByLabel('Email').inputValue()).toBe(email);
    expect(await page.getByLabel('Password', { exact: true }).inputValue()).toBe('');
    await page.getByLabel('Password', { exact: true }).fill(password);
    // The first button is the one that the Enter key presses, not the one that mails a link.
    await page.getByLabel('Password', { exact: true }).press('Enter');
    await page.waitForURL('**/account');
    expect(await page.getByText(email).isVisible()).toBe(true);
    await page.goto(`${site.origin}/login`);
    expect(await page.getByRole('heading', { name: /You’re signed in as/ }).isVisible()).toBe(true);
    await press(page, 'Use another account');
    await signIn(page, email);
    await page.waitForURL('**/account');
    await page.goBack();
    expect(pathOf(page)).toBe('/login/choose');
    expect(await page.getByRole('heading', { name: /You’re signed in as/ }).isVisible()).toBe(true);
    expect(complaints).toEqual([]);
  });

  it('sets an app up, signs in with its code after a wrong one and a reload, and signs out', async () => {
    const email = await site.addUser();
    const page = await open();
    await page.goto(`${site.origin}/login`);
    await signIn(page, email);
    await page.waitForURL('**/account');
    const { secret, codes } = await setUpApp(page);
    await page.getByRole('link', { name: 'I have kept them' }).click();
    expect(await page.getByText('10 recovery codes left').isVisible()).toBe(true);
    await page.goto(`${site.origin}/logout`);
    await press(page, 'Sign out');
    expect(await page.getByRole('heading', { name: 'You’re signed out' }).isVisible()).toBe(true);
    await page.getByRole('link', { name: 'Sign in again' }).click();
    await signIn(page, email);
    await page.waitForURL('**/login/second-factor');
    await enterCode(page, '000000', 'Continue');
    expect(await page.getByText('That code isn’t right').isVisible()).toBe(true);
    await page.goto(`${site.origin}/login/second-factor`);
    await page.reload();
    // The code of this moment was used by the set-up.
    await enterCode(page, codeNow(realTime, secret, 1), 'Continue');
    await page.waitForURL('**/account');
    const other = await open();
    await other.goto(`${site.origin}/login`);
    await signIn(other, email);
    await other.getByRole('link', { name: 'Use a recovery code' }).click();
    await other.getByLabel('Recovery code').fill(codes[0] ?? '');
    await press(other, 'Continue');
    await other.waitForURL('**/account');
    expect(complaints).toEqual([]);
  });

  it('a form of an earlier sign-in in another tab acts on nothing', async () => {
    const [first, second] = [await site.addUser(), await site.addUser()];
    for (const email of [first, second]) {
      const page = await open();
      await page.goto(`${site.origin}/login`);
      await signIn(page, email);
      await page.waitForURL('**/account');
      await setUpApp(page);
      await page.context().close();
    }
    const context = await site.newContext({ javaScriptEnabled });
    const [early, late] = [await open(context), await open(context)];
    for (const [page, email] of [
      [early, first],
      [late, second],
    ] as const) {
      await page.goto(`${site.origin}/login`);
      await signIn(page, email);
      await page.waitForURL('**/login/second-factor');
    }
    await enterCode(early, '123456', 'Continue');
    expect(await early.getByRole('heading', { name: /went on in another tab/ }).isVisible()).toBe(true);
    await late.reload();
    expect(await late.getByLabel('6-digit code').isVisible()).toBe(true);
  });

  it('mails a sign-in link to the address that was typed', async () => {
    const email = await site.addUser();
    const page = await open();
    await page.goto(`${site.origin}/login`);
    await page.getByLabel('Email').fill(email);
    await press(page, 'Email me a sign-in link');
    expect(await page.getByText(email).isVisible()).toBe(true);
    await page.goto(await site.mailedLink(email, '/login/magic-link'));
    await press(page, 'Yes, sign in');
    await page.waitForURL('**/account');
    expect(complaints).toEqual([]);
  });
});

describe('where two factors are required of everybody', () => {
  let strict: RunningServer;
  let strictOrigin: string;

  beforeAll(async () => {
    strict = await startServer({ database: await cloneDatabase(), env: { LATCHKEY_SECOND_FACTOR_FOR: 'everybody' } });
    strictOrigin = originOf(strict);
    return async () => expect(await strict.stop()).toBe(0);
  });

  it.each([true, false])(
    'a user proves the email and sets an app up while signing in; scripts: %s',
    async (scripts) => {
      const email = await site.addUser(strict);
      const page = await site.newPage({ javaScriptEnabled: scripts });
      await page.goto(`${strictOrigin}/account/security`);
      await signIn(page, email);
      await page.waitForURL('**/login/confirm-mailbox');
      await press(page, 'Email me a code');
      await page.waitForURL('**/login/confirm-mailbox/code');
      await enterCode(page, await awaitCode(strict, email), 'Continue');
      await page.waitForURL('**/login/enroll');
      await press(page, 'Start');
      const secret = (await page.locator('.secret output').innerText()).replaceAll(' ', '');
      await enterCode(page, codeNow(realTime, secret), 'Turn on');
      expect(await page.locator('.codes code').count()).toBe(10);
      await page.getByRole('link', { name: 'I have kept them' }).click();
      // The page that the sign-in began with.
      expect(pathOf(page)).toBe('/account/security');
      expect(await page.getByText('10 recovery codes left').isVisible()).toBe(true);
    },
  );
});

it('no page is wider than a small phone', async () => {
  const email = await site.addUser();
  const page = await (await site.browser.newContext({ viewport: { width: 320, height: 640 }, locale: 'de' })).newPage();
  const fits = async () =>
    expect([pathOf(page), await page.evaluate('document.documentElement.scrollWidth <= 320')]).toEqual([
      pathOf(page),
      true,
    ]);
  await page.goto(`${site.origin}/login`);
  await fits();
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  await page.locator('#password').press('Enter');
  await page.waitForURL('**/account');
  for (const path of ['/account', '/account/security', '/account/security/app', '/logout', '/login', '/']) {
    await page.goto(site.origin + path);
    await fits();
  }
  await page.goto(`${site.origin}/account/security/app`);
  await page.locator('button').first().click();
  await fits();
});
