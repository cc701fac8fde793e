/** Parts of the ways to pages: people at a state, and what they get from there. */
import type { Application } from '../../packages/server/test/support/application.ts';
import { addUserWithRole, mustChangePassword } from '../../packages/server/test/support/login-steps.ts';
import { PageBrowser, signIn } from '../../packages/server/test/support/page-browser.ts';
import { addTotpUser, codeNow } from '../../packages/server/test/support/second-factors.ts';
import { storedLinkToken } from '../../packages/server/test/support/stored-links.ts';
import { addLoggedInUser, addVerifiedUser, validPassword } from '../../packages/server/test/support/user-actions.ts';
import { userIdOf } from '../../packages/server/test/support/user-status.ts';

/** A page as a reader meets it. */
export interface Visit {
  /** The id of the endpoint, and the state if it has several. */
  readonly name: string;
  /** With its query. */
  readonly path: string;
  readonly cookie: string;
  /** The HTML of the answer to a form, which no address shows. */
  readonly text?: string;
}

/** Makes the state that a page shows. */
export type Reach = (app: Application) => Promise<Omit<Visit, 'name'>>;

export async function signedIn(app: Application): Promise<PageBrowser> {
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, await addVerifiedUser(app), validPassword));
  return browser;
}

export async function withApp(app: Application): Promise<PageBrowser> {
  const { email, secret } = await addTotpUser(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  await browser.follow(await browser.submit('/login/second-factor', { code: codeNow(app, secret, 1) }));
  return browser;
}

/** A login that waits for its next step. */
export function atStep(path: string, addUser: (app: Application) => Promise<string>): Reach {
  return async (app) => {
    const browser = new PageBrowser(app);
    await browser.follow(await signIn(browser, await addUser(app), validPassword));
    return { path, cookie: browser.cookie };
  };
}

export async function atEnrollment(app: Application): Promise<PageBrowser> {
  const { email, userId } = await addUserWithRole(app);
  const browser = new PageBrowser(app);
  await browser.follow(await signIn(browser, email, validPassword));
  await browser.follow(await browser.submit('/login/confirm-mailbox'));
  const code = await storedLinkToken(app, userId, 'mailbox_code');
  await browser.follow(await browser.submit('/login/confirm-mailbox/code', { code }));
  return browser;
}

export const withTotp = async (app: Application) => (await addTotpUser(app)).email;
export const withRole = async (app: Application) => (await addUserWithRole(app)).email;

export async function withOldPassword(app: Application): Promise<string> {
  const email = await addVerifiedUser(app);
  await mustChangePassword(app, await userIdOf(app, email));
  return email;
}

export async function withPendingDeletion(app: Application): Promise<string> {
  const { email, accessToken } = await addLoggedInUser(app);
  const json = { currentPassword: validPassword };
  await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json });
  return email;
}

/** The page of a mailed link. */
export const link =
  (path: string, tokenOf: (app: Application) => Promise<string>): Reach =>
  async (app) => ({ path: `${path}?token=${encodeURIComponent(await tokenOf(app))}`, cookie: '' });

/** The answer to a form of the page, with the state that it shows. */
export const answer =
  (start: (app: Application) => Promise<PageBrowser>, path: string, fields: Readonly<Record<string, string>>): Reach =>
  async (app) => {
    const browser = await start(app);
    await browser.open(path);
    const { text } = await browser.submit(path, fields);
    return { path, cookie: browser.cookie, text };
  };
