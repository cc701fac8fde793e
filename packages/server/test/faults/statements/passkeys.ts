/** Scenarios of passkeys. */

import type { RequestOptionsJson } from '#protocol/webauthn/index.ts';
import type { Application, RequestOptions } from '../../support/application.ts';
import {
  addPasskey,
  creationOptionsFor,
  loginByPasskey,
  passkeyLoginOptions,
  passkeyOptionsIn,
  provePasskey,
  secondFactorOptions,
  signChallenge,
  type TestPasskey,
} from '../../support/passkeys.ts';
import { renderedForm } from '../../support/rendered-form.ts';
import { cookieHeader, isAccepted, login, sameOrigin, type Tokens } from '../../support/user-actions.ts';
import { createCredential, register } from '../../webauthn/authenticator.ts';
import {
  addScenarioUser,
  allTrue,
  canLogIn,
  logIn,
  not,
  type Prepared,
  request,
  type Scenario,
  startOnPage,
  submitForm,
} from './scenario.ts';

const path = '/users/me/passkeys';
/** The counter of these keys stays 0, so that a retry signs again. */
const signCount = 0;

interface Holder extends Tokens {
  readonly email: string;
  readonly passkey: TestPasskey;
  readonly passkeyId: string;
}

async function addHolder(app: Application, kind: 'passkey' | 'security_key' = 'passkey'): Promise<Holder> {
  const user = await addScenarioUser(app);
  const session = await logIn(user);
  const { passkey, data } = await addPasskey(app, { token: session.accessToken }, { kind, signCount });
  const { passkey: stored, ...renewed } = data;
  return { ...session, ...renewed, email: user.email, passkey, passkeyId: stored.id };
}

/** A registration that is ready to be sent. */
async function registrationOf(app: Application, credentials: RequestOptions, kind: 'passkey' | 'security_key') {
  const { challenge, rp, user } = await creationOptionsFor(app, credentials, kind);
  const credential = createCredential(-7);
  const origin = app.services.config.http.publicUrl;
  const fixed = { flags: 0x05, signCount, clientData: {}, extensions: Buffer.alloc(0) };
  const passkey = { credential, userHandle: Buffer.from(user.id, 'base64url'), flags: 0x05, signCount };
  return { passkey, json: { kind, credential: register(credential, { challenge, origin, rpId: rp.id, ...fixed }) } };
}

const canUse = async (app: Application, passkey: TestPasskey): Promise<boolean> =>
  (await loginByPasskey(app, passkey)).status === 200;

async function adding(app: Application, kind: 'passkey' | 'security_key'): Promise<Prepared> {
  const user = await addScenarioUser(app);
  const { accessToken: token } = await logIn(user);
  const { passkey, json } = await registrationOf(app, { token }, kind);
  return { run: () => request(app, 'POST', path, { token, json }), isComplete: () => canUse(app, passkey) };
}

const logins: readonly Scenario[] = [
  {
    name: 'login.passkey',
    commitsInParts: true,
    audit: ['login.succeeded'],
    mail: ['new_device'],
    retryResult: 'invalid_passkey',
    prepare: async (app) => {
      const { passkey } = await addHolder(app);
      const { publicKey, browserToken } = await passkeyLoginOptions(app);
      const json = { credential: signChallenge(app, passkey, publicKey), browserToken };
      return {
        run: () => request(app, 'POST', '/auth/login/passkey', { json }),
        isComplete: () => canUse(app, passkey),
      };
    },
  },
  {
    name: 'login.second_factor_options',
    audit: [],
    prepare: async (app) => {
      const { email, passkey, deviceToken } = await addHolder(app, 'security_key');
      const { ticket } = (await login(app, email, { deviceToken })).data;
      return {
        run: () => request(app, 'POST', '/auth/login/second-factor/options', { json: { ticket } }),
        isComplete: async () => (await provePasskey(app, ticket, passkey)).status === 200,
      };
    },
  },
  {
    name: 'login.second_factor, by a passkey',
    commitsInParts: true,
    audit: ['login.succeeded'],
    retryResult: 'invalid_ticket',
    prepare: async (app) => {
      const { email, passkey, deviceToken } = await addHolder(app, 'security_key');
      const { ticket } = (await login(app, email, { deviceToken })).data;
      const signed = signChallenge(app, passkey, await secondFactorOptions(app, ticket));
      const json = { ticket, passkey: signed, deviceToken };
      return {
        run: () => request(app, 'POST', '/auth/login/second-factor', { json }),
        isComplete: async () => (await login(app, email)).data.step === 'second_factor',
      };
    },
  },
];

async function stepUpChallenge(app: Application, token: string): Promise<RequestOptionsJson> {
  const target = '/api/v1/auth/step-up/options';
  return (await app.send<{ publicKey: RequestOptionsJson }>('POST', target, { token, json: {} })).data.publicKey;
}

const changes: readonly Scenario[] = [
  {
    name: 'step_up.passkey_options',
    audit: [],
    prepare: async (app) => {
      const { accessToken: token } = await addHolder(app);
      return {
        run: () => request(app, 'POST', '/auth/step-up/options', { token, json: {} }),
        isComplete: () => isAccepted(app, token),
      };
    },
  },
  {
    name: 'step_up.prove, by a passkey',
    audit: ['session.stepped_up'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { accessToken: token, passkey, email } = await addHolder(app);
      const json = { passkey: signChallenge(app, passkey, await stepUpChallenge(app, token)) };
      return {
        run: () => request(app, 'POST', '/auth/step-up', { token, json }),
        isComplete: () => allTrue([not(() => isAccepted(app, token)), () => canLogIn(app, email)]),
      };
    },
  },
  {
    name: 'passkeys.options',
    audit: [],
    prepare: async (app) => {
      const { accessToken: token } = await logIn(await addScenarioUser(app));
      return {
        run: () => request(app, 'POST', '/users/me/passkey-options', { token, json: {} }),
        isComplete: () => isAccepted(app, token),
      };
    },
  },
  {
    name: 'passkeys.add',
    audit: ['passkey.added'],
    mail: ['passkey_added'],
    retryResult: 'invalid_passkey',
    prepare: (app) => adding(app, 'passkey'),
  },
  {
    name: 'passkeys.add, as a second factor',
    audit: ['passkey.added'],
    mail: ['security_key_added'],
    retryResult: 'not_authenticated',
    prepare: (app) => adding(app, 'security_key'),
  },
  {
    name: 'passkeys.change',
    audit: ['passkey.renamed'],
    retryResult: 'done',
    prepare: async (app) => {
      const { accessToken: token, passkeyId, passkey } = await addHolder(app);
      return {
        run: () => request(app, 'PATCH', `${path}/${passkeyId}`, { token, json: { name: 'Key' } }),
        isComplete: () => canUse(app, passkey),
      };
    },
  },
  {
    name: 'passkeys.remove',
    audit: ['passkey.removed'],
    mail: ['passkey_removed'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { accessToken: token, passkeyId, passkey, email } = await addHolder(app);
      return {
        run: () => request(app, 'DELETE', `${path}/${passkeyId}`, { token }),
        isComplete: () => allTrue([not(() => canUse(app, passkey)), () => canLogIn(app, email)]),
      };
    },
  },
];

const security = '/account/security';

/** The cookies of a browser that is signed in. */
async function browserOf(app: Application, email: string): Promise<string> {
  return cookieHeader((await login(app, email, { transport: 'cookie' })).cookies);
}

const pages: readonly Scenario[] = [
  {
    name: 'login.submit_passkey',
    commitsInParts: true,
    audit: ['login.succeeded'],
    mail: ['new_device'],
    retryResult: 'page 401',
    prepare: async (app) => {
      const { passkey } = await addHolder(app);
      const options = await app.send<{ publicKey: RequestOptionsJson }>('POST', '/api/v1/auth/login/passkey/options', {
        json: { transport: 'cookie' },
        headers: sameOrigin,
      });
      const credential = JSON.stringify(signChallenge(app, passkey, options.data.publicKey));
      const cookie = cookieHeader(options.cookies);
      return {
        run: () => submitForm(app, '/login/passkey', { credential }, cookie),
        isComplete: () => canUse(app, passkey),
      };
    },
  },
  {
    name: 'login.submit_passkey_factor',
    commitsInParts: true,
    audit: ['login.succeeded'],
    mail: ['new_device'],
    retryResult: 'page 401',
    prepare: async (app) => {
      const { email, passkey } = await addHolder(app, 'security_key');
      const { cookie, fields } = await startOnPage({ app, email });
      const { text } = await app.send('GET', '/login/second-factor/passkey', {
        headers: { cookie: `${cookie}; ${renderedForm.cookie}` },
      });
      const options = passkeyOptionsIn(text);
      const credential = JSON.stringify(signChallenge(app, passkey, JSON.parse(options) as RequestOptionsJson));
      return {
        run: () => submitForm(app, '/login/second-factor/passkey', { ...fields, credential }, cookie),
        isComplete: async () => (await login(app, email)).data.step === 'second_factor',
      };
    },
  },
  {
    name: 'passkeys.submit_add',
    audit: ['passkey.added'],
    mail: ['passkey_added'],
    retryResult: 'page 401',
    prepare: async (app) => {
      const { email } = await addScenarioUser(app);
      const cookie = await browserOf(app, email);
      const { passkey, json } = await registrationOf(app, { cookie, headers: sameOrigin }, 'passkey');
      const form = { kind: 'passkey', credential: JSON.stringify(json.credential) };
      return {
        run: () => submitForm(app, `${security}/add-passkey`, form, cookie),
        isComplete: () => canUse(app, passkey),
      };
    },
  },
  {
    name: 'passkeys.submit_remove',
    audit: ['passkey.removed'],
    mail: ['passkey_removed'],
    retryResult: 'not_authenticated',
    prepare: async (app) => {
      const { email, passkey, passkeyId: id } = await addHolder(app);
      const cookie = await browserOf(app, email);
      return {
        run: () => submitForm(app, `${security}/remove-passkey`, { id }, cookie),
        isComplete: () => allTrue([not(() => canUse(app, passkey)), () => canLogIn(app, email)]),
      };
    },
  },
];

export const passkeys: readonly Scenario[] = [...logins, ...changes, ...pages];
