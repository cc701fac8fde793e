/** Coming in by what is mailed. */

import { present } from '#kernel/assert.ts';
import type { Application } from '../../support/application.ts';
import { loginByCode, loginByLink, requestCode, requestLink } from '../../support/login-by-mail.ts';
import { type Begun, canLogIn, linkOf, type Regular, regular, type Scenario, type Told, toldBy } from './scenario.ts';

/** Reads the mail, and answers how to open the door with what it says and with what who asked was given. */
type Reading = (person: Regular, browserToken: string) => Promise<() => Promise<Told>>;

/** Somebody who asks, and with what they were given then opens the door. */
async function asking(app: Application, door: typeof requestLink, reading: Reading): Promise<Begun> {
  const person = await regular(app);
  let browserToken: string | undefined;
  const askAtDoor = async () => {
    const answer = await door(app, person.email);
    if (answer.status === 202) browserToken = answer.data.browserToken;
    return toldBy(answer);
  };
  const isSettled = async () => {
    const enter = await reading(person, present(browserToken, 'the secret'));
    return (await enter()) === 'done';
  };
  return { ask: askAtDoor, isSettled };
}

/** Somebody who has asked, and opens the door. */
async function entering(app: Application, door: typeof requestLink, reading: Reading): Promise<Begun> {
  const person = await regular(app);
  const browserToken = present((await door(app, person.email)).data.browserToken, 'the secret');
  return { ask: await reading(person, browserToken), isSettled: () => canLogIn(app, person.email) };
}

const byLink: Reading = async (person, browserToken) => {
  const link = await linkOf(person, 'magic_link');
  return async () => toldBy(await loginByLink(person.app, link, { browserToken }));
};

const byPage: Reading = async (person, browserToken) => {
  const form = { token: await linkOf(person, 'magic_link') };
  const cookie = `latchkey_login=${browserToken}`;
  return async () => toldBy(await person.app.send('POST', '/login/magic-link', { form, cookie }));
};

const byCode: Reading = async (person, browserToken) => {
  const code = await linkOf(person, 'email_code');
  return async () => toldBy(await loginByCode(person.app, person.email, code, { browserToken }));
};

export const byMail: readonly Scenario[] = [
  {
    name: 'login.ask_link',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    begin: (app) => asking(app, requestLink, byLink),
  },
  {
    name: 'login.magic_link',
    audit: ['login.succeeded'],
    again: 'invalid_token',
    begin: (app) => entering(app, requestLink, byLink),
  },
  {
    name: 'login.submit_magic_link',
    audit: ['login.succeeded'],
    again: 'page 400',
    begin: (app) => entering(app, requestLink, byPage),
  },
  {
    name: 'login.ask_code',
    audit: [],
    jobs: ['mail_requests.enqueue'],
    begin: (app) => asking(app, requestCode, byCode),
  },
  {
    name: 'login.email_code',
    audit: ['login.succeeded'],
    again: 'invalid_code',
    begin: (app) => entering(app, requestCode, byCode),
  },
];
