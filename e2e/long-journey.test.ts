/** One person from an application's sign-up to a deleted account that is kept after all, in a browser with scripts and without. */
import type { Browser } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { loginMethodsEnabled } from '../packages/server/test/support/login-by-mail.ts';
import { type ApplicationSite, openApplicationSite } from './support/application-site.ts';
import { openChromium } from './support/chromium.ts';
import { runCommand } from './support/program.ts';
import { type RunningServer, settingsOf, startServer } from './support/server.ts';
import { Authenticator, Visitor } from './support/visitor.ts';

const [first, second, third] = ['a long enough password', 'another, longer password', 'the third one, as long'];

let server: RunningServer;
let origin: string;
let site: ApplicationSite;
let browser: Browser;

beforeAll(async () => {
  server = await startServer({ database: 'embedded', env: loginMethodsEnabled });
  origin = `http://localhost:${new URL(server.url).port}`;
  site = await openApplicationSite((own) => ({
    'Sign in': `${origin}/login?continue=${encodeURIComponent(`${own}/callback?x=1`)}`,
    'Sign out': `${origin}/logout?continue=${encodeURIComponent(`${own}/`)}`,
  }));
  browser = await openChromium();
  const set = ['client', 'set-origins', '--origin', site.origin];
  expect((await runCommand(set, settingsOf({ database: 'embedded' }, server.dataDirectory, 0))).code).toBe(0);
  return async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
    expect(await server.stop()).toBe(0);
  };
});

/** The person's email and second factors. */
interface Account {
  readonly email: string;
  /** Of the authenticator app. */
  readonly secret: string;
  readonly recoveryCode: string;
}

const isAtApplication = async ({ page }: Visitor) => {
  await page.waitForURL(site.home);
  await page.getByRole('heading', { name: 'Home of the application' }).waitFor();
};

async function isSignedIn(visitor: Visitor, email: string): Promise<void> {
  await visitor.page.waitForURL('**/account');
  await visitor.seesHeading('Your account');
  await visitor.sees(email);
}

async function signOut(visitor: Visitor): Promise<void> {
  await visitor.press('Sign out');
  await visitor.seesHeading('You’re signed out');
  await visitor.follow('Sign in again');
  await visitor.seesHeading('Sign in');
}

async function typePassword(visitor: Visitor, email: string, password: string): Promise<void> {
  await visitor.type('Email', email);
  await visitor.type('Password', password);
  await visitor.press('Sign in');
}

async function typeAppCode(visitor: Visitor, { secret }: Account): Promise<void> {
  await visitor.seesHeading('Enter your code');
  await visitor.enterCode(await visitor.nextAppCode(secret), 'Continue');
}

async function signInWithBoth(visitor: Visitor, account: Account, password: string): Promise<void> {
  await typePassword(visitor, account.email, password);
  await typeAppCode(visitor, account);
  await isSignedIn(visitor, account.email);
}

async function signUpFromApplication(visitor: Visitor, email: string): Promise<void> {
  await visitor.page.goto(site.origin);
  await visitor.follow('Sign in');
  await visitor.seesHeading('Sign in');
  await visitor.sees(`to continue to ${new URL(site.origin).host}`);
  await visitor.follow('Create an account');
  await visitor.seesHeading('Create your account');
  await visitor.type('Name', 'Ada Lovelace');
  await visitor.type('Email', email);
  await visitor.type('Password', first);
  await visitor.press('Create account');
  await visitor.seesHeading('Check your email');
  await visitor.sees(email);
  await visitor.openMailedLink(email, '/verify-email');
  await visitor.seesHeading('Is this your account?');
  await visitor.sees('Ada Lovelace');
  await visitor.press('Yes, confirm my email');
  await isAtApplication(visitor);
}

async function addPasskey(visitor: Visitor, authenticator: Authenticator): Promise<void> {
  await visitor.follow('Add a passkey');
  await visitor.seesHeading('Add a passkey');
  await authenticator.touchedDuring(async () => {
    await visitor.press('Add a passkey');
    await visitor.sees('Your passkey is added.');
  });
  await visitor.sees('Not used yet.');
}

async function addApp(visitor: Visitor): Promise<Omit<Account, 'email'>> {
  await visitor.follow('Set up an authenticator app');
  await visitor.press('Start');
  await visitor.seesHeading('Scan this code');
  const secret = (await visitor.page.getByLabel('Can’t scan it?').innerText()).replaceAll(' ', '');
  await visitor.enterCode(await visitor.nextAppCode(secret), 'Turn on');
  await visitor.seesHeading('Keep your recovery codes');
  const codes = await visitor.page.locator('.codes code').allInnerTexts();
  expect(new Set(codes).size).toBe(10);
  await visitor.follow('I have kept them');
  await visitor.sees('10 recovery codes left');
  return { secret, recoveryCode: codes[0] ?? '' };
}

async function secureAccount(visitor: Visitor, email: string, authenticator?: Authenticator): Promise<Account> {
  await visitor.goTo('/account');
  await isSignedIn(visitor, email);
  await visitor.sees('Your account has no second step yet.');
  await visitor.follow('Set one up');
  await visitor.seesHeading('Sign-in and security');
  if (authenticator !== undefined) await addPasskey(visitor, authenticator);
  return { email, ...(await addApp(visitor)) };
}

async function signInByPasskey(visitor: Visitor, email: string, authenticator: Authenticator): Promise<void> {
  // The touch chooses the passkey that the field of the email offers.
  await authenticator.touchedDuring(async () => {
    await visitor.goTo('/login');
    await isSignedIn(visitor, email);
  });
}

async function signInByLink(visitor: Visitor, account: Account): Promise<void> {
  await visitor.type('Email', account.email);
  await visitor.press('Email me a sign-in link');
  await visitor.seesHeading('Check your email');
  await visitor.openMailedLink(account.email, '/login/magic-link');
  await visitor.sees('Do you want to sign in to your account in this browser?');
  await visitor.press('Yes, sign in');
  await typeAppCode(visitor, account);
  await isSignedIn(visitor, account.email);
}

async function signInByMailedCode(visitor: Visitor, account: Account): Promise<void> {
  await visitor.type('Email', account.email);
  await visitor.press('Email me a code');
  await visitor.seesHeading('Check your email');
  await visitor.enterCode(await visitor.mailedCode(account.email, /is your sign-in code/), 'Sign in');
  await typeAppCode(visitor, account);
  await isSignedIn(visitor, account.email);
}

async function signInByRecoveryCode(visitor: Visitor, { email, recoveryCode }: Account): Promise<void> {
  await typePassword(visitor, email, first);
  await visitor.seesHeading('Enter your code');
  await visitor.follow('Use a recovery code');
  await visitor.seesHeading('Use a recovery code');
  await visitor.type('Recovery code', recoveryCode);
  await visitor.press('Continue');
  await isSignedIn(visitor, email);
  await visitor.goTo('/account/security');
  await visitor.sees('9 recovery codes left');
}

async function resetPassword(visitor: Visitor, account: Account): Promise<void> {
  await visitor.follow('Forgot password?');
  await visitor.seesHeading('Forgot your password?');
  await visitor.type('Email', account.email);
  await visitor.press('Email me a link');
  await visitor.seesHeading('Check your email');
  await visitor.openMailedLink(account.email, '/reset-password');
  await visitor.seesHeading('Set a new password');
  await visitor.type('New password', second);
  await visitor.press('Set password');
  await visitor.seesHeading('Password set');
  await visitor.follow('Sign in');
  await typePassword(visitor, account.email, first);
  await visitor.seesAlert('That email and password don’t belong together.');
  await visitor.type('Password', second);
  await visitor.press('Sign in');
  await typeAppCode(visitor, account);
  await isSignedIn(visitor, account.email);
}

async function changeEmailAndUndoIt(visitor: Visitor, account: Account): Promise<void> {
  const { email } = account;
  await visitor.goTo('/account/profile');
  await visitor.follow('Change email');
  await visitor.seesHeading('Change your email');
  await visitor.type('New email', `new.${email}`);
  await visitor.press('Send the link');
  await visitor.sees('Check the new address');
  await visitor.openMailedLink(`new.${email}`, '/confirm-email-change');
  await visitor.seesHeading('Confirm your new email');
  await visitor.press('Yes, use this email');
  await visitor.seesHeading('Email changed');
  await visitor.follow('Sign in');
  await signInWithBoth(visitor, { ...account, email: `new.${email}` }, second);
  await visitor.openMailedLink(email, '/undo-email-change');
  await visitor.seesHeading('Take your account back');
  await visitor.sees(email);
  await visitor.type('New password', third);
  await visitor.press('Restore my email');
  await visitor.seesHeading('Email restored');
  await visitor.follow('Sign in');
  await signInWithBoth(visitor, account, third);
}

async function deleteAccountAndKeepIt(visitor: Visitor, account: Account): Promise<void> {
  const { email, secret } = account;
  // The sign-in is too old by then for a delicate page.
  const code = await visitor.nextAppCode(secret, '6m');
  await visitor.goTo('/account/data');
  await visitor.follow('Delete my account');
  await visitor.seesHeading('Confirm that it’s you');
  await visitor.enterCode(code, 'Continue');
  await visitor.seesHeading('Delete your account?');
  await visitor.type(`Type ${email} to confirm`, email);
  await visitor.press('Delete my account');
  await visitor.seesHeading('Your account will be deleted');
  await visitor.openMailedLink(email, '/cancel-deletion');
  await visitor.seesHeading('Keep your account');
  await visitor.press('Yes, keep my account');
  await visitor.seesHeading('Account kept');
  await visitor.follow('Sign in');
  await signInWithBoth(visitor, account, third);
}

async function goBackToApplication(visitor: Visitor, account: Account): Promise<void> {
  const { host } = new URL(site.origin);
  await visitor.page.goto(site.origin);
  await visitor.follow('Sign in');
  await visitor.page.getByRole('heading', { name: 'You’re signed in as' }).waitFor();
  await visitor.sees(account.email);
  await visitor.follow(`Continue to ${host}`);
  await isAtApplication(visitor);
  await visitor.page.goto(site.origin);
  await visitor.follow('Sign out');
  await visitor.seesHeading('Sign out?');
  await visitor.press('Sign out');
  await visitor.follow(`Back to ${host}`);
  await visitor.page.getByRole('heading', { name: 'The application' }).waitFor();
  await visitor.follow('Sign in');
  await typePassword(visitor, account.email, third);
  await typeAppCode(visitor, account);
  await isAtApplication(visitor);
}

it.each([
  { email: 'ada@people.example', hasScripts: true },
  { email: 'grace@people.example', hasScripts: false },
])('signs up, comes back by every way, loses and regains the account; scripts: $hasScripts', async (person) => {
  const { email, hasScripts } = person;
  const visitor = await Visitor.open(browser, { server, origin, hasScripts });
  const authenticator = hasScripts ? await Authenticator.plugInto(visitor.page) : undefined;
  await signUpFromApplication(visitor, email);
  const account = await secureAccount(visitor, email, authenticator);
  await signOut(visitor);
  await signInWithBoth(visitor, account, first);
  await signOut(visitor);
  if (authenticator !== undefined) {
    await signInByPasskey(visitor, email, authenticator);
    await signOut(visitor);
  }
  await signInByLink(visitor, account);
  await signOut(visitor);
  await signInByMailedCode(visitor, account);
  await signOut(visitor);
  await signInByRecoveryCode(visitor, account);
  await signOut(visitor);
  await resetPassword(visitor, account);
  await changeEmailAndUndoIt(visitor, account);
  await deleteAccountAndKeepIt(visitor, account);
  await goBackToApplication(visitor, account);
  expect(visitor.complaints).toEqual([]);
});
