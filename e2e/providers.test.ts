/** Signing in with an identity provider in a real browser, with scripts and without, over real HTTP to the provider. */
import type { Browser, Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { Application } from '../packages/server/test/support/application.ts';
import { invite } from '../packages/server/test/support/invitations.ts';
import { addFakeProvider, type KnownProvider, newPerson } from '../packages/server/test/support/provider-logins.ts';
import { addVerifiedUser, uniqueEmail, validPassword } from '../packages/server/test/support/user-actions.ts';
import { openChromium } from './support/chromium.ts';
import { findFreePort } from './support/free-port.ts';

let app: Application;
let provider: KnownProvider;
let browser: Browser;
let origin: string;

beforeAll(async () => {
  const port = await findFreePort();
  origin = `http://localhost:${port}`;
  app = await Application.open({ env: { LATCHKEY_PUBLIC_URL: origin } });
  await app.server.listen({ hosts: ['127.0.0.1', '::1'], port });
  provider = await addFakeProvider(app);
  browser = await openChromium();
  // A response of this process is checked, and the browser's are not.
  await app.send('GET', '/login');
  return async () => {
    await browser.close();
    await provider.fake.stop();
    await app.close();
  };
}, 60_000);

const pathOf = (page: Page) => new URL(page.url()).pathname;
const press = (page: Page, name: string | RegExp) => page.getByRole('button', { name }).click();

describe.each([true, false])('with scripts: %s', (javaScriptEnabled) => {
  async function openLogin(query = ''): Promise<Page> {
    const page = await (await browser.newContext({ javaScriptEnabled, locale: 'en' })).newPage();
    await page.goto(`${origin}/login${query}`);
    return page;
  }

  it('a new person gets an account, and comes back to the page that the sign-in was for', async () => {
    provider.fake.person = newPerson();
    const page = await openLogin();
    await press(page, /^Continue with/);
    await page.waitForURL(`${origin}/account`);
    expect(await page.textContent('body')).toContain(provider.fake.person.email);
    const other = await openLogin('?continue=%2Faccount%2Fsecurity');
    await press(other, /^Continue with/);
    await other.waitForURL(`${origin}/account/security`);
    await page.context().close();
    await other.context().close();
  });

  it('the owner of an account connects the provider after signing in, and disconnects it', async () => {
    const email = await addVerifiedUser(app);
    provider.fake.person = newPerson({ email });
    const page = await openLogin();
    await press(page, /^Continue with/);
    await page.getByRole('link', { name: 'Sign in and connect' }).click();
    await page.getByLabel('Email').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(validPassword);
    await press(page, /^Sign in$/);
    await page.waitForURL(`${origin}/login/link`);
    await press(page, 'Connect');
    await page.waitForURL(`${origin}/account/connections?done=connected`);
    await page.getByRole('link', { name: /^Disconnect/ }).click();
    await press(page, 'Disconnect');
    await page.waitForURL(`${origin}/account/connections?done=disconnected`);
    await page.context().close();
  });

  it('an invited person accepts with the provider, and has the invited email', async () => {
    const email = uniqueEmail('invited');
    provider.fake.person = newPerson();
    const page = await openLogin();
    await page.goto(`${origin}/accept-invitation?token=${await invite(app, email)}`);
    await press(page, /^Continue with/);
    await page.waitForURL(`${origin}/account`);
    expect(await page.textContent('body')).toContain(email);
    await page.context().close();
  });

  it('a person without an email types one, and waits for its mail', async () => {
    provider.fake.person = { sub: newPerson().sub };
    const page = await openLogin();
    await press(page, /^Continue with/);
    await page.getByLabel('Email').fill(newPerson().email ?? '');
    await press(page, 'Send the link');
    await page.waitForURL(`${origin}/check-mail`);
    await page.context().close();
  });
});

it('a provider that posts its response from another site signs in, once', async () => {
  provider.fake.person = newPerson();
  const page = await (await browser.newContext({ locale: 'en' })).newPage();
  await page.goto(`${origin}/login`);
  // Stops at the provider, which posts in place of its redirect (OAuth 2.0 Form Post Response Mode).
  await page.route(`${provider.fake.issuer}/authorize**`, async (route) => {
    const authorization = new URL(route.request().url());
    const fields = [...provider.fake.authorize(authorization)].map(
      ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
    );
    const action = authorization.searchParams.get('redirect_uri') ?? '';
    const body = `<form method="post" action="${action}">${fields.join('')}<button>Go</button></form>`;
    await route.fulfill({ contentType: 'text/html', body });
  });
  await press(page, /^Continue with/);
  await press(page, 'Go');
  await page.waitForURL(`${origin}/account`);
  expect(pathOf(page)).toBe('/account');
  await page.context().close();
});
