/** A provider on loopback that an application knows, and browsers that sign in with it, over real HTTP to the provider. */
import { addProvider, setEnabled } from '#flows/admin-identity-providers/index.ts';
import type { Application, AppResponse } from './application.ts';
import { type FakePerson, type FakeProvider, startFakeProvider } from './fake-provider.ts';
import { operator } from './operator.ts';
import { PageBrowser } from './page-browser.ts';
import { uniqueEmail } from './user-actions.ts';

/** A provider whose `email_verified` counts for `people.example`. */
export interface KnownProvider {
  readonly id: string;
  readonly fake: FakeProvider;
}

let providers = 0;

/** Starts a provider and adds it to the application. The caller stops it. */
export async function addFakeProvider(
  app: Pick<Application, 'services'>,
  settings: object = {},
): Promise<KnownProvider> {
  const fake = await startFakeProvider();
  providers += 1;
  const id = `fake-${providers}`;
  const added = await addProvider(adminOf(app), operator, {
    id,
    preset: 'oidc',
    name: `Fake ${providers}`,
    issuer: fake.issuer,
    secret: fake.clientSecret,
    settings: { clientId: fake.clientId, emailDomains: ['people.example'], allowPrivate: true, ...settings },
  });
  if (added.kind !== 'added') throw new Error(`the provider was not added: ${JSON.stringify(added)}`);
  return { id, fake };
}

/** Disables or enables the provider, as the command line does. */
export async function enableProvider(app: Application, { id }: KnownProvider, enabled: boolean): Promise<void> {
  await setEnabled(adminOf(app), operator, { id, enabled });
}

function adminOf({ services }: Pick<Application, 'services'>) {
  return { ...services, production: false };
}

let people = 0;

/** A person at a provider, with an address that it proves. */
export function newPerson(more: Partial<FakePerson> = {}): FakePerson {
  people += 1;
  return { sub: `person-${people}`, email: uniqueEmail('federated'), email_verified: true, name: 'Ada', ...more };
}

/** The address that a page leads to by itself. */
export function refreshOf({ text }: Pick<AppResponse, 'text'>): URL {
  const [, url = ''] = /<meta http-equiv="refresh" content="0;url=([^"]*)">/.exec(text) ?? [];
  return new URL(url.replaceAll('&amp;', '&'));
}

/** The path of the callback that the provider leads to, after the page that leads to the provider. */
export function callbackAfter({ id, fake }: KnownProvider, left: AppResponse): string {
  return `/login/with/${id}/callback?${fake.authorize(refreshOf(left)).toString()}`;
}

/** Presses the provider's button on the sign-in page; returns the path of the callback that the provider leads to. */
export async function leaveFor(browser: PageBrowser, { id, fake }: KnownProvider, query = ''): Promise<string> {
  await browser.open(`/login${query}`);
  const left = await browser.submit(`/login/with/${id}`);
  if (left.status !== 200) throw new Error(`the sign-in did not begin: ${left.status} ${left.text}`);
  return callbackAfter({ id, fake }, left);
}

/** Signs in with the provider as this person; returns the response to the callback. */
export async function signInWith(
  browser: PageBrowser,
  provider: KnownProvider,
  person: FakePerson,
  query = '',
): Promise<AppResponse> {
  provider.fake.person = person;
  return browser.open(await leaveFor(browser, provider, query));
}

/** A browser that has signed in with the provider, and so has an account. */
export async function addFederatedUser(
  app: Application,
  provider: KnownProvider,
  person: FakePerson = newPerson(),
): Promise<{ readonly browser: PageBrowser; readonly person: FakePerson; readonly email: string }> {
  const browser = new PageBrowser(app);
  const done = await signInWith(browser, provider, person);
  if (done.headers.get('location') !== '/account') throw new Error(`no account: ${done.status} ${done.text}`);
  return { browser, person, email: person.email ?? '' };
}
