/** Scenarios of identity providers. The provider is on loopback, and no statement runs there. */
import { present } from '#kernel/assert.ts';
import type { Application } from '../../support/application.ts';
import { PageBrowser } from '../../support/page-browser.ts';
import { callbackAfter, newPerson, signInWith } from '../../support/provider-logins.ts';
import {
  linkNewIdentity,
  loginByIdToken,
  nativeToken,
  sharedProvider,
  signInAs,
} from '../../support/shared-provider.ts';
import { cookieHeader, login } from '../../support/user-actions.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  logIn,
  not,
  type Result,
  request,
  resultOf,
  type Scenario,
  submitForm,
} from './scenario.ts';

type Person = ReturnType<typeof newPerson>;

/** Whether the person signs in with the provider without a further step. */
async function canSignIn(app: Application, person: Person): Promise<boolean> {
  return (await signInAs(app, person)).headers.get('location') === '/account';
}

/** A failure leaves the login that waits for its callback, or that its callback has taken. */
const leftLogin = '+ provider_logins login';

/** A sign-in from its button to its callback: a retry begins again, because a callback works once. */
async function signingIn(app: Application, person: Person): Promise<() => Promise<Result>> {
  const provider = await sharedProvider(app);
  return async () => {
    const browser = new PageBrowser(app);
    await browser.open('/login');
    provider.fake.person = person;
    const left = await browser.submit(`/login/with/${provider.id}`);
    return left.status === 200 ? resultOf(await browser.open(callbackAfter(provider, left))) : resultOf(left);
  };
}

const callbacks: readonly Scenario[] = [
  {
    name: 'login.submit_provider',
    audit: [],
    prepare: async (app) => {
      const person = newPerson();
      const { id } = await sharedProvider(app);
      const browser = new PageBrowser(app);
      const { text } = await browser.open('/login');
      return {
        run: async () => resultOf(await browser.submitFrom(text, `/login/with/${id}`)),
        isComplete: () => canSignIn(app, person),
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
      return { run: await signingIn(app, person), isComplete: () => canSignIn(app, person) };
    },
  },
  {
    name: 'login.provider_callback, for a known identity',
    commitsInParts: true,
    audit: ['login.succeeded'],
    mail: ['new_device'],
    optionalRows: [leftLogin],
    prepare: async (app) => {
      const { userId, email } = await addScenarioUser(app);
      await login(app, email);
      const { person } = await linkNewIdentity(app, userId);
      return { run: await signingIn(app, person), isComplete: () => canSignIn(app, person) };
    },
  },
  {
    name: 'login.submit_provider_email',
    commitsInParts: true,
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
      const email = present(person.email, 'an email');
      return {
        run: async () => resultOf(await browser.submitFrom(text, path, { email })),
        isComplete: async () => (await signInAs(app, newPerson())).status === 303,
      };
    },
  },
  {
    name: 'login.id_token',
    commitsInParts: true,
    audit: ['login.succeeded'],
    retryResult: 'invalid_provider_login',
    prepare: async (app) => {
      const { userId } = await addScenarioUser(app);
      const { person } = await linkNewIdentity(app, userId);
      const json = await nativeToken(app, await sharedProvider(app), person);
      return {
        run: async () => resultOf(await loginByIdToken(app, json)),
        isComplete: () => canSignIn(app, person),
      };
    },
  },
];

/** The cookies of a browser that is signed in. */
async function cookieOf(app: Application, email: string): Promise<string> {
  return cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
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
      await browser.open('/login/link');
      const { text } = browser;
      return {
        run: async () => resultOf(await browser.submitFrom(text, '/login/link')),
        isComplete: () => canSignIn(app, person),
      };
    },
  },
  {
    name: 'identities.submit_connect',
    audit: [],
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const { id: provider } = await sharedProvider(app);
      const cookie = await cookieOf(app, email);
      return {
        run: () => submitForm(app, '/account/connections/connect', { provider }, cookie),
        isComplete: () => canLogIn(app, email),
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
        isComplete: () => allTrue([not(() => canSignIn(app, person)), () => canLogIn(app, email)]),
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
        isComplete: () => allTrue([not(() => canSignIn(app, person)), () => canLogIn(app, user.email)]),
      };
    },
  },
];

export const providers: readonly Scenario[] = [...callbacks, ...changes];
