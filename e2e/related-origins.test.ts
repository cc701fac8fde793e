/** A passkey of the sign-in page, used by an application on another domain that `LATCHKEY_PASSKEY_ORIGINS` lists (WebAuthn Level 3 §5.11). */
import { tmpdir } from 'node:os';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { openChromium } from './support/chromium.ts';
import { runCommand } from './support/program.ts';
import { type RunningServer, type ServerOptions, settingsOf, startServer } from './support/server.ts';
import { openTlsFront } from './support/tls-front.ts';
import { Authenticator, Visitor } from './support/visitor.ts';

const [email, password] = ['ada@people.example', 'a long enough password'];

let server: RunningServer;
let browser: Browser;
let origin: string;
let related: string;
let stranger: string;

beforeAll(async () => {
  const front = await openTlsFront('people.test', 'shop.test', 'evil.test');
  const originOf = (host: string) => `https://${host}:${front.port}`;
  [origin, related, stranger] = [originOf('auth.people.test'), originOf('www.shop.test'), originOf('www.evil.test')];
  const options: ServerOptions = {
    database: await cloneDatabase(),
    publicUrl: origin,
    env: { LATCHKEY_PASSKEY_ORIGINS: related },
  };
  const list = ['client', 'set-origins', '--origin', related, '--origin', stranger];
  expect((await runCommand(list, settingsOf(options, tmpdir(), 0))).code).toBe(0);
  server = await startServer(options);
  front.forwardTo(server.url);
  browser = await openChromium([
    // Browsers fetch the list of related origins from port 443.
    `--host-resolver-rules=MAP *.test:443 127.0.0.1:${front.port},MAP *.test 127.0.0.1`,
    `--ignore-certificate-errors-spki-list=${front.keyHash}`,
  ]);
  return async () => {
    await browser.close();
    await front[Symbol.asyncDispose]();
    expect(await server.stop()).toBe(0);
  };
});

/** The script of an application: gets options and a passkey, and redeems its assertion for tokens. */
const signInByScript = `async (api) => {
  const post = (path, body) => fetch(api + path, {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
  });
  const { data } = await (await post('/auth/login/passkey/options', { transport: 'token' })).json();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(data.publicKey);
  const credential = await navigator.credentials.get({ publicKey }).catch(({ name }) => name);
  if (typeof credential === 'string') return credential;
  const { browserToken } = data;
  const response = await post('/auth/login/passkey', { credential: credential.toJSON(), browserToken });
  const body = await response.json();
  if (!response.ok) return body.code;
  const me = await fetch(api + '/users/me', { headers: { authorization: 'Bearer ' + body.data.accessToken } });
  return (await me.json()).data.email;
}`;

const signInAt = async (page: Page, application: string) => {
  await page.goto(application);
  return page.evaluate<string>(`(${signInByScript})(${JSON.stringify(`${origin}/api/v1`)})`);
};

async function signUpWithPasskey(visitor: Visitor, authenticator: Authenticator): Promise<void> {
  await visitor.goTo('/register');
  await visitor.type('Name', 'Ada');
  await visitor.type('Email', email);
  await visitor.type('Password', password);
  await visitor.press('Create account');
  await visitor.enterCode(await visitor.mailedCode(email, /Confirm your email/), 'Confirm my email');
  await visitor.seesHeading('Your account');
  await visitor.goTo('/account/security');
  await visitor.follow('Add a passkey');
  await authenticator.touchedDuring(async () => {
    await visitor.press('Add a passkey');
    await visitor.sees('Your passkey is added.');
  });
}

it('signs in at a listed origin, and at no other one', async () => {
  const visitor = await Visitor.open(browser, { server, origin, hasScripts: true });
  const authenticator = await Authenticator.plugInto(visitor.page);
  await signUpWithPasskey(visitor, authenticator);
  await authenticator.touchedDuring(async () => {
    expect(await signInAt(visitor.page, related)).toBe(email);
    expect(await signInAt(visitor.page, stranger)).toBe('SecurityError');
  });
  expect(visitor.complaints).toEqual([]);
});
