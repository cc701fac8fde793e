import { beforeAll, describe, expect, it } from 'vitest';
import { removeById } from '#flows/admin-identity-providers/index.ts';
import { Application } from '#test/support/application.ts';
import { operator } from '#test/support/operator.ts';
import { PageBrowser, signIn } from '#test/support/page-browser.ts';
import {
  addFakeProvider,
  addFederatedUser,
  callbackAfter,
  type KnownProvider,
  newPerson,
  signInWith,
} from '#test/support/provider-logins.ts';
import { auditActionsOf } from '#test/support/stored-login.ts';
import { addLoggedInUser, addVerifiedUser, mailsTo, sameOrigin, validPassword } from '#test/support/user-actions.ts';

const path = '/api/v1/users/me/identities';

interface Listed {
  readonly identities: readonly {
    readonly id: string;
    readonly provider: string | null;
    readonly email: string | null;
  }[];
}

let app: Application;
let provider: KnownProvider;

beforeAll(async () => {
  app = await Application.open();
  provider = await addFakeProvider(app);
  return async () => {
    await provider.fake.stop();
    await app.close();
  };
});

const credentials = (browser: PageBrowser) => ({ cookie: browser.cookie, headers: sameOrigin });
const list = async (browser: PageBrowser) =>
  (await app.send<Listed>('GET', path, credentials(browser))).data.identities;

/** Connects the person at the provider to the account that is signed in. */
async function connect(browser: PageBrowser, person = newPerson()): Promise<string | null> {
  provider.fake.person = person;
  await browser.open('/account/connections');
  const left = await browser.submit('/account/connections/connect', { provider: provider.id });
  return (await browser.open(callbackAfter(provider, left))).headers.get('location');
}

async function signedIn(): Promise<{ readonly browser: PageBrowser; readonly email: string }> {
  const email = await addVerifiedUser(app);
  const browser = new PageBrowser(app);
  await signIn(browser, email, validPassword);
  return { browser, email };
}

/** Which pages have the section in their menu. */
async function menusOf(of: Application, browser: PageBrowser): Promise<readonly boolean[]> {
  const shown: boolean[] = [];
  for (const page of ['/account', '/account/profile', '/account/connections']) {
    const { text } = await of.send('GET', page, { cookie: browser.cookie });
    shown.push(/<nav[^>]*>.*href="\/account\/connections".*<\/nav>/s.test(text));
  }
  return shown;
}

it('the menu has no connected accounts before there is a provider, and shows a user those that one left', async () => {
  const own = await Application.open();
  const email = await addVerifiedUser(own);
  const browser = new PageBrowser(own);
  await signIn(browser, email, validPassword);
  expect(await menusOf(own, browser)).toEqual([false, false, true]);
  const added = await addFakeProvider(own);
  expect(await menusOf(own, browser)).toEqual([true, true, true]);
  const federated = await addFederatedUser(own, added);
  await removeById({ ...own.services, production: false }, operator, added.id);
  expect(await menusOf(own, browser)).toEqual([false, false, true]);
  expect(await menusOf(own, federated.browser)).toEqual([true, false, true]);
  await added.fake.stop();
  await own.close();
});

describe('the identities of an account', () => {
  it('are connected by a session that asks for it, whatever their address is, with an event and a mail', async () => {
    const { browser, email } = await signedIn();
    const person = newPerson();
    expect(await connect(browser, person)).toBe('/account/connections?done=connected');
    expect(await list(browser)).toMatchObject([{ provider: provider.id, email: person.email, suspended: false }]);
    expect(await auditActionsOf(app, email)).toContain('identity.linked');
    expect(await mailsTo(app, email)).toContain('identity_linked');
    const page = await browser.open('/account/connections');
    expect(page.text).toContain(person.email);
    expect((await signInWith(new PageBrowser(app), provider, person)).headers.get('location')).toBe('/account');
  });

  it('are not connected when another account has them', async () => {
    const { person } = await addFederatedUser(app, provider);
    const { browser } = await signedIn();
    expect(await connect(browser, person)).toBeNull();
    expect(browser.text).toContain('Connected to another account');
    expect(await list(browser)).toEqual([]);
  });

  it('are not connected to a session that did not ask for it', async () => {
    const { browser } = await signedIn();
    provider.fake.person = newPerson();
    await browser.open('/account/connections');
    const left = await browser.submit('/account/connections/connect', { provider: provider.id });
    const callback = callbackAfter(provider, left);
    const { browser: other } = await signedIn();
    browser.remove('latchkey_session');
    browser.set('latchkey_session', other.valueOf('latchkey_session') ?? '');
    expect((await browser.open(callback)).status).toBe(401);
    expect(await list(other)).toEqual([]);
  });

  it('need a recent proof to be connected or disconnected', async () => {
    const { browser } = await signedIn();
    await connect(browser);
    const [identity] = await list(browser);
    app.clock.advance(21 * 60 * 1000);
    await browser.open('/account/connections');
    const left = await browser.submit('/account/connections/connect', { provider: provider.id });
    expect(left.headers.get('location')).toContain('/step-up');
    const removed = await app.send('DELETE', `${path}/${identity?.id}`, credentials(browser));
    expect([removed.status, removed.code]).toEqual([401, 'step_up_required']);
    expect(await list(browser)).toHaveLength(1);
  });

  it('are disconnected by the API: the session goes on, the identity signs in no more', async () => {
    const { browser, email } = await signedIn();
    const person = newPerson({ email_verified: false });
    await connect(browser, person);
    const other = new PageBrowser(app);
    await signInWith(other, provider, person);
    const [identity] = await list(browser);
    const removed = await app.send('DELETE', `${path}/${identity?.id}`, credentials(browser));
    expect(removed.status).toBe(200);
    expect(removed.cookies.join()).toContain('latchkey_session=');
    expect((await app.send('GET', '/api/v1/auth/session', credentials(other))).code).toBe('not_authenticated');
    expect(await auditActionsOf(app, email)).toContain('identity.unlinked');
    expect(await mailsTo(app, email)).toContain('identity_unlinked');
    expect((await signInWith(new PageBrowser(app), provider, person)).headers.get('location')).toBe('/check-mail');
  });

  it('are disconnected by the page', async () => {
    const { browser } = await signedIn();
    await connect(browser);
    const [identity] = await list(browser);
    const question = await browser.open(`/account/connections/disconnect?id=${identity?.id}`);
    expect(question.text).toContain('Disconnect this account?');
    const done = await browser.submit('/account/connections/disconnect');
    expect(done.headers.get('location')).toBe('/account/connections?done=disconnected');
    expect(await list(browser)).toEqual([]);
    const again = await browser.open(`/account/connections/disconnect?id=${identity?.id}`);
    expect(again.headers.get('location')).toBe('/account/connections');
  });

  it('keep the last way in', async () => {
    const { browser } = await addFederatedUser(app, provider);
    const [identity] = await list(browser);
    const refused = await app.send('DELETE', `${path}/${identity?.id}`, credentials(browser));
    expect([refused.status, refused.code]).toEqual([409, 'last_login_method']);
    await browser.open(`/account/connections/disconnect?id=${identity?.id}`);
    const page = await browser.submit('/account/connections/disconnect');
    expect([page.status, page.text.includes('your only way to sign in')]).toEqual([409, true]);
    expect(await list(browser)).toHaveLength(1);
  });

  it('keep one of two that are disconnected at once', async () => {
    const { browser } = await addFederatedUser(app, provider);
    await connect(browser, newPerson());
    const ids = (await list(browser)).map(({ id }) => id);
    expect(ids).toHaveLength(2);
    const responses = await Promise.all(ids.map((id) => app.send('DELETE', `${path}/${id}`, credentials(browser))));
    expect(responses.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  it('404 for the identity of another account', async () => {
    const { browser } = await addFederatedUser(app, provider);
    const [theirs] = await list(browser);
    const { accessToken: token } = await addLoggedInUser(app);
    const response = await app.send('DELETE', `${path}/${theirs?.id}`, { token });
    expect([response.status, response.code]).toEqual([404, 'identity_not_found']);
    expect(await list(browser)).toHaveLength(1);
    expect((await app.send('DELETE', `${path}/no-id`, { token })).code).toBe('not_found');
  });
});
