/** The states of pages, beyond those of `reachPages`, that a form is sent from: links that work, and mails that were requested. */
import { present } from '#kernel/assert.ts';
import type { Visit } from '../../../../e2e/support/page-visits.ts';
import type { Application } from '../support/application.ts';
import { mailedCodes } from '../support/login-by-mail.ts';
import { PageBrowser, signIn } from '../support/page-browser.ts';
import { addPasskeyUser } from '../support/passkeys.ts';
import {
  addLoggedInUser,
  addVerifiedUser,
  newestMailedToken,
  uniqueEmail,
  validPassword,
} from '../support/user-actions.ts';

export async function furtherStates(app: Application): Promise<Visit[]> {
  return [
    await magicLink(app),
    ...(await emailChange(app)),
    await deletion(app),
    await signUp(app),
    await mailedCode(app),
    await passkeyStep(app),
  ];
}

const visit = (path: string, token: string, browser?: PageBrowser): Visit => ({
  name: `${path}, with a link`,
  path: `${path}?token=${encodeURIComponent(token)}`,
  cookie: browser?.cookie ?? '',
});

async function magicLink(app: Application): Promise<Visit> {
  const [email, browser] = [await addVerifiedUser(app), new PageBrowser(app)];
  await browser.open('/login');
  await browser.submit('/login', { email, password: '', act: 'magic_link' });
  return visit('/login/magic-link', await newestMailedToken(app, email, '/login/magic-link'), browser);
}

async function emailChange(app: Application): Promise<Visit[]> {
  const newEmail = uniqueEmail('new');
  const undoable = await addLoggedInUser(app);
  const json = { newEmail, currentPassword: validPassword };
  await app.send('POST', '/api/v1/users/me/email', { token: undoable.accessToken, json });
  const token = await newestMailedToken(app, newEmail, '/confirm-email-change');
  await app.send('POST', '/api/v1/auth/confirm-email-change', { json: { token } });
  const undo = await newestMailedToken(app, undoable.email, '/undo-email-change');
  const waiting = await addLoggedInUser(app);
  const wanted = { newEmail: uniqueEmail('new'), currentPassword: validPassword };
  await app.send('POST', '/api/v1/users/me/email', { token: waiting.accessToken, json: wanted });
  const confirm = await newestMailedToken(app, wanted.newEmail, '/confirm-email-change');
  return [visit('/undo-email-change', undo), visit('/confirm-email-change', confirm)];
}

async function deletion(app: Application): Promise<Visit> {
  const { email, accessToken } = await addLoggedInUser(app);
  const json = { currentPassword: validPassword };
  await app.send('DELETE', '/api/v1/users/me', { token: accessToken, json });
  return visit('/cancel-deletion', await newestMailedToken(app, email, '/cancel-deletion'));
}

async function signUp(app: Application): Promise<Visit> {
  const browser = new PageBrowser(app);
  await browser.open('/register');
  const fields = { name: 'Ada', email: uniqueEmail(), password: validPassword };
  await browser.follow(await browser.submit('/register', fields));
  return { name: '/check-mail, waiting', path: '/check-mail', cookie: browser.cookie };
}

/** The answer to a form, which no address shows. */
async function mailedCode(app: Application): Promise<Visit> {
  const [email, browser] = [await addVerifiedUser(app), new PageBrowser(app)];
  await browser.open('/login');
  const { text } = await browser.submit('/login', { email, password: '', act: 'email_code' });
  present((await mailedCodes(app, email))[0], 'the code');
  return { name: '/login/email-code, with a code', path: '/login/email-code', cookie: browser.cookie, text };
}

/** A login whose second factor is a passkey. */
async function passkeyStep(app: Application): Promise<Visit> {
  const [{ email }, browser] = [await addPasskeyUser(app, { kind: 'security_key' }), new PageBrowser(app)];
  await browser.follow(await signIn(browser, email, validPassword));
  return {
    name: '/login/second-factor/passkey, with one',
    path: '/login/second-factor/passkey',
    cookie: browser.cookie,
  };
}
