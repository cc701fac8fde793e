/** Scenarios of login by mail. */

import { present } from '#kernel/assert.ts';
import type { Application } from '../../support/application.ts';
import { loginByCode, loginByLink, requestCode, requestLink } from '../../support/login-by-mail.ts';
import { cookieHeader, sameOrigin } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  canLogIn,
  linkToken,
  type Prepared,
  type Result,
  resultOf,
  type Scenario,
  type ScenarioUser,
} from './scenario.ts';

/** Reads the mail; returns the login with its secret and the browser's. */
type ReadMail = (user: ScenarioUser, browserToken: string) => Promise<() => Promise<Result>>;

/** Requests the mail; complete when the login succeeds. */
async function mailRequest(app: Application, requestMail: typeof requestLink, readMail: ReadMail): Promise<Prepared> {
  const user = await addScenarioUser(app);
  let browserToken: string | undefined;
  const sendRequest = async () => {
    const response = await requestMail(app, user.email);
    if (response.status === 202) browserToken = response.data.browserToken;
    return resultOf(response);
  };
  const isComplete = async () => {
    const logIn = await readMail(user, present(browserToken, 'the secret'));
    return (await logIn()) === 'done';
  };
  return { run: sendRequest, isComplete };
}

/** Requests a link on the sign-in page; complete when the link signs that browser in. */
async function mailRequestOnPage(app: Application, continueTo?: string): Promise<Prepared> {
  const user = await addScenarioUser(app);
  let cookie = '';
  const sendRequest = async () => {
    const to = continueTo === undefined ? {} : { continue: continueTo };
    const form = { email: user.email, password: '', act: 'magic_link', ...to };
    const response = await app.send('POST', '/login', { form, headers: sameOrigin });
    if (response.status === 200) cookie = cookieHeader(response.cookies);
    return resultOf(response);
  };
  const isComplete = async () => {
    const [, browserToken = ''] = /^latchkey_login=(.+)$/.exec(cookie) ?? [];
    return (await (await byPage(user, browserToken))()) === 'done';
  };
  return { run: sendRequest, isComplete };
}

/** Logs in with a mail requested before. */
async function mailLogin(app: Application, requestMail: typeof requestLink, readMail: ReadMail): Promise<Prepared> {
  const user = await addScenarioUser(app);
  const browserToken = present((await requestMail(app, user.email)).data.browserToken, 'the secret');
  return { run: await readMail(user, browserToken), isComplete: () => canLogIn(app, user.email) };
}

const byLink: ReadMail = async (user, browserToken) => {
  const link = await linkToken(user, 'magic_link');
  return async () => resultOf(await loginByLink(user.app, link, { browserToken }));
};

const byPage: ReadMail = async (user, browserToken) => {
  const form = { token: await linkToken(user, 'magic_link') };
  const cookie = `latchkey_login=${browserToken}`;
  return async () => resultOf(await user.app.send('POST', '/login/magic-link', { form, cookie }));
};

const byCode: ReadMail = async (user, browserToken) => {
  const code = await linkToken(user, 'email_code');
  return async () => resultOf(await loginByCode(user.app, user.email, code, { browserToken }));
};

const byCodePage: ReadMail = async (user, browserToken) => {
  const form = { email: user.email, code: await linkToken(user, 'email_code') };
  const cookie = `latchkey_login=${browserToken}`;
  return async () => resultOf(await user.app.send('POST', '/login/email-code', { form, cookie }));
};

export const mailLogins: readonly Scenario[] = [
  {
    name: 'login.ask_link',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    prepare: (app) => mailRequest(app, requestLink, byLink),
  },
  {
    name: 'login.magic_link',
    audit: ['login.succeeded'],
    retryResult: 'invalid_token',
    prepare: (app) => mailLogin(app, requestLink, byLink),
  },
  {
    name: 'login.submit_magic_link',
    audit: ['login.succeeded'],
    retryResult: 'page 400',
    prepare: (app) => mailLogin(app, requestLink, byPage),
  },
  {
    name: 'login.submit, for a mailed link',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    prepare: (app) => mailRequestOnPage(app),
  },
  {
    name: 'login.submit, for a mailed link that leads back',
    audit: [],
    jobs: ['mail_requests.enqueue_with_return'],
    prepare: (app) => mailRequestOnPage(app, '/account/security'),
  },
  {
    name: 'login.ask_code',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    prepare: (app) => mailRequest(app, requestCode, byCode),
  },
  {
    name: 'login.email_code',
    audit: ['login.succeeded'],
    retryResult: 'invalid_code',
    prepare: (app) => mailLogin(app, requestCode, byCode),
  },
  {
    name: 'login.submit_email_code',
    audit: ['login.succeeded'],
    retryResult: 'page 401',
    prepare: (app) => mailLogin(app, requestCode, byCodePage),
  },
];
