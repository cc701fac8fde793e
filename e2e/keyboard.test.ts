/** Without a mouse: Tab, Enter and Space lead from the sign-up to the account, with scripts and without. */
import type { Browser } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { openChromium } from './support/chromium.ts';
import { Keyboard } from './support/keyboard.ts';
import { type RunningServer, startServer } from './support/server.ts';
import { Visitor } from './support/visitor.ts';

const password = 'a long enough password';

let server: RunningServer;
let origin: string;
let browser: Browser;

beforeAll(async () => {
  server = await startServer({ database: await cloneDatabase() });
  origin = `http://localhost:${new URL(server.url).port}`;
  browser = await openChromium();
  return async () => {
    await browser.close();
    expect(await server.stop()).toBe(0);
  };
});

/** From the empty form, past a complaint, to the account. */
async function signUp(visitor: Visitor, keys: Keyboard, email: string): Promise<void> {
  await visitor.goTo('/register');
  await keys.expectFocusOn('Name');
  await keys.type('Ada Lovelace');
  await keys.tabTo('Email');
  await keys.type(email);
  await keys.tabTo('Password');
  await keys.type('password1234');
  await keys.press('Enter');
  await visitor.seesAlert('This is one of the most used passwords');
  await keys.expectFocusOn('Password');
  await keys.type(password);
  await keys.tabTo('Create account');
  await keys.press('Space');
  await visitor.seesHeading('Check your email');
  await keys.expectFocusOn('6-digit code');
  await enterCode(visitor, keys, await visitor.mailedCode(email, /Confirm your email/));
  await visitor.seesHeading('Your account');
}

/** With scripts, the sixth digit sends the form. */
async function enterCode(visitor: Visitor, keys: Keyboard, code: string): Promise<void> {
  await keys.expectFocusOn('6-digit code');
  await keys.type(code);
  if (!visitor.hasScripts) await keys.press('Enter');
}

/** @returns the key of the authenticator app. */
async function addApp(visitor: Visitor, keys: Keyboard): Promise<string> {
  await keys.tabTo('Set one up');
  await keys.press('Enter');
  await visitor.seesHeading('Sign-in and security');
  await keys.tabTo('Set up an authenticator app');
  await keys.press('Enter');
  await visitor.seesHeading('Set up your authenticator app');
  await keys.tabTo('Start');
  await keys.press('Space');
  await visitor.seesHeading('Scan this code');
  const secret = (await visitor.page.getByLabel('Can’t scan it?').innerText()).replaceAll(' ', '');
  await enterCode(visitor, keys, await visitor.nextAppCode(secret));
  await visitor.seesHeading('Keep your recovery codes');
  await keys.tabTo('I have kept them');
  await keys.press('Enter');
  await visitor.sees('10 recovery codes left');
  return secret;
}

async function signOut(visitor: Visitor, keys: Keyboard): Promise<void> {
  await keys.tabTo('Sign out');
  await keys.press('Space');
  await visitor.seesHeading('You’re signed out');
  await keys.tabTo('Sign in again');
  await keys.press('Enter');
}

/** After a wrong password and a wrong code. */
async function signIn(visitor: Visitor, keys: Keyboard, email: string, secret: string): Promise<void> {
  await visitor.seesHeading('Sign in');
  await keys.expectFocusOn('Email');
  await keys.type(email);
  await keys.tabTo('Password');
  await keys.type('not the right one');
  await keys.press('Enter');
  await visitor.seesAlert('That email and password don’t belong together.');
  await keys.expectFocusOn('Password');
  await keys.type(password);
  await keys.tabTo('Sign in');
  await keys.press('Space');
  await visitor.seesHeading('Enter your code');
  await enterCode(visitor, keys, '000000');
  await visitor.seesAlert('That code isn’t right');
  await keys.expectFocusOn('6-digit code');
  await enterCode(visitor, keys, await visitor.nextAppCode(secret));
  await visitor.seesHeading('Your account');
}

/** Past the sections, whose list the first link of the page skips. */
async function rename(visitor: Visitor, keys: Keyboard): Promise<void> {
  await keys.tabTo('Profile');
  await keys.press('Enter');
  await visitor.seesHeading('Profile');
  await keys.tabTo('Skip to the content');
  await keys.press('Enter');
  await keys.tabTo('Name');
  await keys.press('Control+A');
  await keys.type('Grace Hopper');
  await keys.press('Enter');
  await visitor.sees('Saved.');
  expect(await visitor.page.getByLabel('Name').inputValue()).toBe('Grace Hopper');
}

async function chooseLanguage(visitor: Visitor, keys: Keyboard): Promise<void> {
  await keys.tabTo('Language: English');
  await keys.press('Enter');
  await keys.tabTo('Deutsch');
  await keys.press('Escape');
  await keys.expectFocusOn('Language: English');
  await keys.press('Space');
  await keys.tabTo('Deutsch');
  await keys.press('Enter');
  await visitor.seesHeading('Profil');
}

it.each([
  { email: 'ada@people.example', hasScripts: true },
  { email: 'grace@people.example', hasScripts: false },
])('leads from the sign-up to the account; scripts: $hasScripts', async ({ email, hasScripts }) => {
  const visitor = await Visitor.open(browser, { server, origin, hasScripts });
  const keys = new Keyboard(visitor.page);
  await signUp(visitor, keys, email);
  const secret = await addApp(visitor, keys);
  await signOut(visitor, keys);
  await signIn(visitor, keys, email, secret);
  await rename(visitor, keys);
  await chooseLanguage(visitor, keys);
  expect(visitor.complaints).toEqual([]);
});
