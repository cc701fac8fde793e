/** Sign-ins with an identity provider, each with secrets of its own: one that the provider refuses, one by a page, one by an application. */
import { type FakeProvider, startFakeProvider } from '../support/fake-provider.ts';
import { json } from '../support/http-receiver.ts';
import { refreshOf } from '../support/provider-logins.ts';
import type { RequestParts, ScenarioResponse } from './scenario.ts';

/** The scenario, as far as these sign-ins need it. */
export interface ProviderVisitor {
  readonly person: { readonly sub: string; readonly email: string };
  readonly addSecret: (name: string, text: string) => string;
  readonly command: (argv: readonly string[], input?: string) => Promise<unknown>;
  readonly send: (status: number, method: string, target: string, sent?: RequestParts) => Promise<ScenarioResponse>;
  /** Submits the form of a page that has another address. */
  readonly submit: (target: string, action: string) => Promise<ScenarioResponse>;
}

const idTokenPath = '/api/v1/auth/login/id-token';
const nativeClientId = 'native-canary';

export async function signInWithProvider(visitor: ProviderVisitor): Promise<void> {
  const provider = await startFakeProvider();
  try {
    visitor.addSecret('client secret', provider.clientSecret);
    const options = ['--preset', 'oidc', '--issuer', provider.issuer, '--client-id', provider.clientId];
    const more = ['--allow-private', '--native-client-ids', nativeClientId, '--client-secret-stdin'];
    await visitor.command(['provider', 'add', 'canary', ...options, ...more], `${provider.clientSecret}\n`);
    // A node reads the providers again before it treats one as unknown; its pages show the button from then on.
    const unknown = { provider: 'canary', idToken: 'none', nonce: 'none' };
    await visitor.send(401, 'POST', idTokenPath, { json: unknown });
    provider.person = { ...visitor.person, name: 'Finch', email_verified: false };
    await refused(visitor, provider);
    await onPage(visitor, provider);
    await byIdToken(visitor, provider);
  } finally {
    await provider.stop();
  }
}

/** The provider repeats everything that it got in its refusal. */
async function refused(visitor: ProviderVisitor, provider: FakeProvider): Promise<void> {
  const { callback, cookie } = await leave(visitor, provider, 'refused');
  provider.tampering = {
    reactions: {
      '/token': (response, request) => {
        addVerifier(visitor, 'refused', request.body);
        json({ error: 'invalid_grant', error_description: request.body }, 400)(response, request);
      },
    },
  };
  await visitor.send(400, 'GET', callback, { cookie });
  // The state was used, and one that was never issued.
  await visitor.send(400, 'GET', callback, { cookie });
  await visitor.send(400, 'GET', callback.replace(/state=.{8}/, 'state=AAAAAAAA'), { cookie });
}

async function onPage(visitor: ProviderVisitor, provider: FakeProvider): Promise<void> {
  const { callback, cookie } = await leave(visitor, provider, 'page');
  const accessToken = visitor.addSecret('access token of the provider', `upstream-${crypto.randomUUID()}`);
  const refreshToken = visitor.addSecret('refresh token of the provider', `upstream-${crypto.randomUUID()}`);
  provider.tampering = {
    tokens: { access_token: accessToken, refresh_token: refreshToken },
    idToken: (token) => visitor.addSecret('ID token of the provider', token),
  };
  await visitor.send(303, 'GET', callback, { cookie });
  addVerifier(visitor, 'page', provider.requestsTo('/token').at(-1)?.body ?? '');
}

async function byIdToken(visitor: ProviderVisitor, provider: FakeProvider): Promise<void> {
  const issued = await visitor.send(200, 'POST', `${idTokenPath}/nonce`, { json: {} });
  const nonce = visitor.addSecret('nonce of the application', (issued.data as unknown as { nonce: string }).nonce);
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: provider.issuer, aud: nativeClientId, nonce, iat: now, exp: now + 60 };
  const idToken = visitor.addSecret('ID token of the application', provider.mint({ ...provider.person, ...claims }));
  await visitor.send(401, 'POST', idTokenPath, {
    json: { provider: 'canary', idToken: `${idToken.slice(0, -4)}AAAA`, nonce },
  });
  const { data } = await visitor.send(200, 'POST', idTokenPath, { json: { provider: 'canary', idToken, nonce } });
  visitor.addSecret('sign-up ticket of the application', data.ticket);
}

function addVerifier(visitor: ProviderVisitor, name: string, body: string): void {
  visitor.addSecret(`PKCE verifier, ${name}`, new URLSearchParams(body).get('code_verifier') ?? '');
}

/** Presses the provider's button; returns the callback, whose secrets are canaries from here on. */
async function leave(visitor: ProviderVisitor, provider: FakeProvider, name: string) {
  const left = await visitor.submit('/login', '/login/with/canary');
  const url = refreshOf(left);
  const callback = provider.authorize(url);
  visitor.addSecret(`state, ${name}`, url.searchParams.get('state') ?? '');
  visitor.addSecret(`nonce, ${name}`, url.searchParams.get('nonce') ?? '');
  visitor.addSecret(`code of the provider, ${name}`, callback.get('code') ?? '');
  const browser = left.cookies.map((one) => one.split(';')[0]).find((one) => one?.startsWith('latchkey_login='));
  visitor.addSecret(`cookie of the browser, ${name}`, browser?.split('=')[1] ?? '');
  return { callback: `/login/with/canary/callback?${callback.toString()}`, cookie: browser ?? '' };
}
