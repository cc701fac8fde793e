/** Scenarios of identity providers. The provider is on loopback, and no statement runs there. */
import { findIdentity } from '#domain/federated-identities/index.ts';
import { assert, present } from '#kernel/assert.ts';
import type { Application, AppResponse } from '../../support/application.ts';
import { PageBrowser, signIn } from '../../support/page-browser.ts';
import { callbackAfter, newPerson, signInWith } from '../../support/provider-logins.ts';
import { linkNewIdentity, loginByIdToken, nativeToken, sharedProvider } from '../../support/shared-provider.ts';
import { storedLinkToken } from '../../support/stored-links.ts';
import { cookieHeader, login, uniqueEmail, validPassword, verifyEmail } from '../../support/user-actions.ts';
import { userIdOf } from '../../support/user-status.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  invitationLink,
  logIn,
  not,
  type Result,
  request,
  resultOf,
  type Scenario,
  submitForm,
} from './scenario.ts';

type Person = ReturnType<typeof newPerson>;

/** Whether the person's identity is that of the account with this email, and signs in to it without a further step. */
async function signsInTo(app: Application, person: Person, email: string): Promise<boolean> {
  const provider = await sharedProvider(app);
  const identity = { issuer: provider.fake.issuer, subject: person.sub };
  // Read first: signing in would create the account of a new person.
  const found = await findIdentity(app.services.database, identity);
  if (found?.userId !== (await userIdOf(app, email))) return false;
  const browser = new PageBrowser(app);
  const done = await signInWith(browser, provider, person);
  if (locationOf(done) !== '/account') return false;
  const session = await app.send<{ email: string }>('GET', '/api/v1/auth/session', { cookie: browser.cookie });
  return session.data.email === email;
}

const locationOf = ({ headers }: AppResponse) => headers.get('location');

/** Whether the link that was mailed gives the account of this email to the person. */
async function canConfirm(app: Application, person: Person, email: string): Promise<boolean> {
  const { status } = await verifyEmail(app, await storedLinkToken(app, await userIdOf(app, email), 'verify_email'));
  return status === 200 && (await signsInTo(app, person, email));
}

const emailOf = ({ email }: Person) => present(email, 'an email');

/** A failure leaves the login that waits for its callback, or that its callback has taken. */
const leftLogin = '+ provider_logins login';

/** A sign-in from its button to its callback: a retry begins again, because a callback works once. */
async function signingIn(
  app: Application,
  person: Person,
  fields: Readonly<Record<string, string>> = {},
): Promise<() => Promise<Result>> {
  const provider = await sharedProvider(app);
  return async () => {
    const browser = new PageBrowser(app);
    await browser.open('/login');
    provider.fake.person = person;
    const left = await browser.submit(`/login/with/${provider.id}`, fields);
    return left.status === 200 ? resultOf(await browser.open(callbackAfter(provider, left))) : resultOf(left);
  };
}

const callbacks: readonly Scenario[] = [
  {
    name: 'login.submit_provider',
    audit: [],
    prepare: async (app) => {
      const person = newPerson();
      const provider = await sharedProvider(app);
      const browser = new PageBrowser(app);
      const { text } = await browser.open('/login');
      let left: AppResponse | undefined;
      return {
        run: async () => {
          left = await browser.submitFrom(text, `/login/with/${provider.id}`);
          return resultOf(left);
        },
        isComplete: async () => {
          provider.fake.person = person;
          await browser.open(callbackAfter(provider, present(left, 'the page that leads to the provider')));
          return signsInTo(app, person, emailOf(person));
        },
      };
    },
  },
  {
    name: 'login.provider_callback, for a new account',
    commitsInParts: true,
    audit: ['user.registered', 'login.succeeded'],
    optionalRows: [leftLogin],
    prepare: async (app) => {
      const person = newPerson();
      return { run: await signingIn(app, person), isComplete: () => signsInTo(app, person, emailOf(person)) };
    },
  },
  {
    name: 'login.provider_callback, for an invitation',
    commitsInParts: true,
    audit: ['invitation.accepted', 'login.succeeded'],
    optionalRows: [leftLogin],
    // The link of an invitation that was accepted.
    retryResult: 'page 400',
    prepare: async (app) => {
      const person = newPerson();
      const email = uniqueEmail('invited');
      const run = await signingIn(app, person, { invitation: await invitationLink(app, email) });
      return { run, isComplete: () => signsInTo(app, person, email) };
    },
  },
  {
    name: 'login.provider_callback, for an unproven address',
    audit: ['user.registered'],
    mail: ['verify_email'],
    optionalRows: [leftLogin],
    prepare: async (app) => {
      const person = newPerson({ email_verified: false });
      return { run: await signingIn(app, person), isComplete: () => canConfirm(app, person, emailOf(person)) };
    },
  },
  {
    name: 'login.provider_callback, for a known identity',
    audit: ['login.succeeded'],
    mail: ['new_device'],
    optionalRows: [leftLogin],
    prepare: async (app) => {
      const { userId, email } = await addScenarioUser(app);
      await login(app, email);
      const { person } = await linkNewIdentity(app, userId);
      return { run: await signingIn(app, person), isComplete: () => signsInTo(app, person, email) };
    },
  },
  {
    name: 'login.submit_provider_email',
    audit: ['user.registered'],
    mail: ['verify_email'],
    retryResult: 'page 400',
    prepare: async (app) => {
      const provider = await sharedProvider(app);
      const person = newPerson();
      const browser = new PageBrowser(app);
      await signInWith(browser, provider, { sub: person.sub });
      const path = `/login/with/${provider.id}/email`;
      const { text } = await browser.open(path);
      const email = emailOf(person);
      return {
        run: async () => resultOf(await browser.submitFrom(text, path, { email })),
        isComplete: () => canConfirm(app, person, email),
      };
    },
  },
  {
    name: 'login.id_token',
    audit: ['login.succeeded'],
    retryResult: 'invalid_provider_login',
    prepare: async (app) => {
      const { userId, email } = await addScenarioUser(app);
      const { person } = await linkNewIdentity(app, userId);
      const json = await nativeToken(app, await sharedProvider(app), person);
      return {
        run: async () => resultOf(await loginByIdToken(app, json)),
        isComplete: () => signsInTo(app, person, email),
      };
    },
  },
  {
    name: 'login.id_token, for an unproven address',
    audit: ['user.registered'],
    mail: ['verify_email'],
    retryResult: 'invalid_provider_login',
    prepare: async (app) => {
      const person = newPerson({ email_verified: false });
      const json = await nativeToken(app, await sharedProvider(app), person);
      return {
        run: async () => resultOf(await loginByIdToken(app, json)),
        isComplete: () => canConfirm(app, person, emailOf(person)),
      };
    },
  },
];

/** The cookies of a browser that is signed in. */
async function cookieOf(app: Application, email: string): Promise<string> {
  const { status, code, cookies } = await login(app, email, { transport: 'cookie' });
  assert(status === 200, `the login returned ${code}`);
  return cookieHeader(cookies);
}

const changes: readonly Scenario[] = [
  {
    name: 'identities.submit_link',
    audit: ['identity.linked'],
    mail: ['identity_linked'],
    retryResult: 'page 400',
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const person = newPerson({ email });
      const browser = new PageBrowser(app);
      await signInWith(browser, await sharedProvider(app), person);
      for (const pair of (await cookieOf(app, email)).split('; ')) {
        const [name = '', ...value] = pair.split('=');
        browser.set(name, value.join('='));
      }
      const { status, text } = await browser.open('/login/link');
      assert(status === 200, `the page asks whether to connect the identity, and returned ${status}`);
      return {
        run: async () => resultOf(await browser.submitFrom(text, '/login/link')),
        isComplete: () => signsInTo(app, person, email),
      };
    },
  },
  {
    name: 'identities.submit_connect',
    audit: [],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const provider = await sharedProvider(app);
      const person = newPerson({ email_verified: false });
      const browser = new PageBrowser(app);
      await signIn(browser, email, validPassword);
      const { text } = await browser.open('/account/connections');
      let left: AppResponse | undefined;
      return {
        run: async () => {
          left = await browser.submitFrom(text, '/account/connections/connect', { provider: provider.id });
          return resultOf(left);
        },
        isComplete: async () => {
          provider.fake.person = person;
          await browser.open(callbackAfter(provider, present(left, 'the page that leads to the provider')));
          return signsInTo(app, person, email);
        },
      };
    },
  },
  {
    name: 'identities.submit_disconnect',
    audit: ['identity.unlinked'],
    mail: ['identity_unlinked'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { userId, email } = await addScenarioUser(app);
      const { person, identityId: id } = await linkNewIdentity(app, userId);
      const cookie = await cookieOf(app, email);
      return {
        run: () => submitForm(app, '/account/connections/disconnect', { id }, cookie),
        isComplete: () => allTrue([not(() => signsInTo(app, person, email)), () => canLogIn(app, email)]),
      };
    },
  },
  {
    name: 'identities.remove',
    audit: ['identity.unlinked'],
    mail: ['identity_unlinked'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const user = await addScenarioUser(app);
      const { accessToken: token } = await logIn(user);
      const { person, identityId } = await linkNewIdentity(app, user.userId);
      return {
        run: () => request(app, 'DELETE', `/users/me/identities/${identityId}`, { token }),
        isComplete: () => allTrue([not(() => signsInTo(app, person, user.email)), () => canLogIn(app, user.email)]),
      };
    },
  },
];

export const providers: readonly Scenario[] = [...callbacks, ...changes];
