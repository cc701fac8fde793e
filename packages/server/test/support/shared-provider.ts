/** One provider for all tests of an application, started at the first use, and identities of it. */
import { linkIdentity } from '#domain/federated-identities/index.ts';
import { present } from '#kernel/assert.ts';
import type { Application, AppResponse } from './application.ts';
import type { FakePerson } from './fake-provider.ts';
import { PageBrowser, signIn } from './page-browser.ts';
import { addFakeProvider, callbackAfter, type KnownProvider, newPerson, signInWith } from './provider-logins.ts';
import type { Tokens } from './user-actions.ts';

/** The client id of the native application, which is not that of the web. */
export const nativeClientId = 'native-app';

const shared = new WeakMap<Application, Promise<KnownProvider>>();

/** The provider of an application. `stopSharedProvider` stops it. */
export function sharedProvider(app: Application): Promise<KnownProvider> {
  const provider = shared.get(app) ?? addFakeProvider(app, { nativeClientIds: [nativeClientId] });
  shared.set(app, provider);
  return provider;
}

export async function stopSharedProvider(app: Application): Promise<void> {
  await (await shared.get(app))?.fake.stop();
}

/** Links a new identity to a user, as a session does that asks for it. The provider proves no email of it. */
export async function linkNewIdentity(
  app: Application,
  userId: string,
): Promise<{ readonly person: FakePerson; readonly identityId: string }> {
  const { fake } = await sharedProvider(app);
  const person = newPerson({ email_verified: false });
  const { users, database, makeId, clock } = app.services;
  const userKey = present(await users.key(userId), 'the key of the user');
  const profile = { email: person.email ?? null, name: person.name ?? null };
  const identity = { userId, userKey, issuer: fake.issuer, subject: person.sub, profile, now: clock.now() };
  const linked = await database.transaction((tx) => linkIdentity(tx, makeId, identity));
  if (linked.kind !== 'linked') throw new Error(linked.kind);
  return { person, identityId: linked.id };
}

/** Signs in with the provider in a new browser; returns the response to the callback. */
export async function signInAs(app: Application, person: FakePerson): Promise<AppResponse> {
  return signInWith(new PageBrowser(app), await sharedProvider(app), person);
}

/** Connects a further identity on the pages, by a session of its own. */
export async function connectAnother(app: Application, email: string, password: string): Promise<void> {
  const provider = await sharedProvider(app);
  provider.fake.person = newPerson({ email_verified: false });
  const browser = new PageBrowser(app);
  await signIn(browser, email, password);
  await browser.open('/account/connections');
  const left = await browser.submit('/account/connections/connect', { provider: provider.id });
  const done = await browser.open(callbackAfter(provider, left));
  if (done.headers.get('location') !== '/account/connections?done=connected') throw new Error('nothing was connected');
}

const idTokenPath = '/api/v1/auth/login/id-token';

/** An ID token as the provider's library gives it to a native application, and its nonce. */
export async function nativeToken(
  app: Application,
  { fake, id }: KnownProvider,
  person: FakePerson,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly provider: string; readonly idToken: string; readonly nonce: string }> {
  const { nonce } = (await app.send<{ nonce: string }>('POST', `${idTokenPath}/nonce`, { json: {} })).data;
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, exp: now + 300 };
  const idToken = fake.mint({ ...person, iss: fake.issuer, aud: nativeClientId, nonce, ...times, ...claims });
  return { provider: id, idToken, nonce };
}

/** Sends an ID token. */
export function loginByIdToken(app: Application, json: object): Promise<AppResponse<Tokens>> {
  return app.send<Tokens>('POST', idTokenPath, { json });
}
