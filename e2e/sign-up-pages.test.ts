/** People sign up in a real browser, with scripts and without. */
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../packages/server/test/support/wait.ts';
import { readInbox } from './support/inbox.ts';
import { password, pathOf, press, Site } from './support/site.ts';

let site: Site;
let people = 0;

beforeAll(async () => {
  site = await Site.open();
  return () => site.close();
});

const heading = (page: Page, name: string) => page.getByRole('heading', { name }).waitFor();

const linkFor = (email: string) => site.mailedLink(email, '/verify-email');

function codeFor(email: string): Promise<string> {
  const find = async () => {
    const [newest] = await readInbox(site.server.opsUrl, email);
    return /\b\d{6}\b/.exec(newest?.text ?? '')?.[0];
  };
  return eventually(find, { what: `${email} has a code`, timeoutMs: 20_000 });
}

describe.each([true, false])('with scripts: %s', (javaScriptEnabled) => {
  const complaints: string[] = [];

  const open = () => site.newPage({ javaScriptEnabled, complaints });

  async function signUp(page: Page): Promise<string> {
    people += 1;
    const email = `new.${people}@people.example`;
    await page.goto(`${site.origin}/register`);
    await page.getByLabel('Name').fill('Ada Lovelace');
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await press(page, 'Create account');
    await page.waitForURL('**/check-mail');
    expect(await page.getByText(email).isVisible()).toBe(true);
    return email;
  }

  async function isSignedIn(page: Page, email: string): Promise<void> {
    await page.waitForURL('**/account');
    expect(await page.getByText(email).isVisible()).toBe(true);
  }

  it('signs up by the link in the same browser, after a complaint about the password; back says what happened', async () => {
    const page = await open();
    await page.goto(`${site.origin}/register`);
    await page.getByLabel('Name').fill('Ada');
    await page.getByLabel('Email').fill('ada@people.example');
    await page.getByLabel('Password', { exact: true }).fill('password1234');
    await press(page, 'Create account');
    expect(await page.locator('#password-complaint').isVisible()).toBe(true);
    expect(await page.getByLabel('Email').inputValue()).toBe('ada@people.example');
    const email = await signUp(page);
    await page.goto(await linkFor(email));
    expect(await page.getByText('Headless Chrome on Linux').isVisible()).toBe(true);
    await press(page, 'Yes, confirm my email');
    await isSignedIn(page, email);
    await page.goBack();
    await heading(page, 'Email confirmed');
    expect(complaints).toEqual([]);
  });

  it('signs up by the code, after a wrong one; the page is over afterwards', async () => {
    const page = await open();
    const email = await signUp(page);
    const code = await codeFor(email);
    const type = async (digits: string) => {
      await page.getByLabel('6-digit code').fill(digits);
      // With a script, six digits send themselves.
      if (!javaScriptEnabled) await press(page, 'Confirm my email');
    };
    await type(code === '000000' ? '000001' : '000000');
    await page.locator('#code-complaint').waitFor();
    await type(code);
    await isSignedIn(page, email);
    await page.goto(`${site.origin}/check-mail`);
    await heading(page, 'This page has expired');
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await page.waitForURL('**/login/choose');
    expect(complaints).toEqual([]);
  });

  it('confirms in another browser, which is not signed in, and goes on in the first', async () => {
    const [first, other] = [await open(), await open()];
    const email = await signUp(first);
    await press(first, 'I have confirmed it');
    await first.getByRole('alert').filter({ hasText: 'isn’t confirmed yet' }).waitFor();
    const link = await linkFor(email);
    await other.goto(link);
    await press(other, 'Yes, confirm my email');
    await heading(other, 'Email confirmed');
    await other.goto(`${site.origin}/account`);
    expect(pathOf(other)).toBe('/login');
    // Pressed twice, it says what has happened.
    await other.goto(link);
    await heading(other, 'Email confirmed');
    await press(first, 'I have confirmed it');
    await isSignedIn(first, email);
    expect(complaints).toEqual([]);
  });

  it('cancels a sign-up of another person', async () => {
    const [stranger, owner] = [await open(), await open()];
    const email = await signUp(stranger);
    await owner.goto(await linkFor(email));
    await press(owner, 'No, this wasn’t me');
    await heading(owner, 'Thanks');
    await press(stranger, 'I have confirmed it');
    await stranger.getByRole('alert').filter({ hasText: 'isn’t confirmed yet' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('asks for a new link when the old one no longer works', async () => {
    const page = await open();
    const email = await signUp(page);
    const link = await linkFor(email);
    await page.goto(`${link}x`);
    await heading(page, 'This link no longer works');
    await page.getByRole('link', { name: 'Get a new link' }).click();
    await page.getByLabel('Email').fill(email);
    await press(page, 'Email me a link');
    await heading(page, 'Check your email');
    const isNew = async () => (await readInbox(site.server.opsUrl, email)).length === 2 || undefined;
    await eventually(isNew, { what: 'a second mail arrives', timeoutMs: 20_000 });
    expect(complaints).toEqual([]);
  });
});
