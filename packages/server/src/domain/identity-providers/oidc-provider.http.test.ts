/** A login at a provider that is not ours: node-oidc-provider, certified by the OpenID Foundation. */

import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { callbackUrl, openOutbound, refusalOf } from '#test/support/provider-client.ts';
import { ProviderClient } from './client.ts';
import { presets } from './presets.ts';
import type { IdentityProvider } from './provider.ts';
import { describeProvider } from './providers.ts';
import { providerSettings } from './settings.ts';

const clientSecret = 'a secret: with & signs';
const clients = ['client_secret_basic', 'client_secret_post', 'none'] as const;
const claims = { sub: 'ada-1', email: 'ada@people.example', email_verified: true, name: 'Ada' };

let issuer: string;

beforeAll(async () => {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = openProvider();
  const respond = provider.callback();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith('/interaction/') === true) void interact(provider, request, response);
    else void respond(request, response);
  });
  return () => {
    server.closeAllConnections();
    server.close();
  };
});

function openProvider(): Provider {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: 'jwk' }), kid: 'test', use: 'sig', alg: 'RS256' };
  return new Provider(issuer, {
    jwks: { keys: [key] },
    ttl: { Interaction: 60, Session: 60, Grant: 60, AccessToken: 60, IdToken: 60 },
    cookies: { keys: ['a secret of the test'] },
    claims: { email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_, id) => ({ accountId: id, claims: () => Promise.resolve(claims) }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    clients: clients.map((method) => ({
      client_id: method,
      ...(method === 'none' ? {} : { client_secret: clientSecret }),
      token_endpoint_auth_method: method,
      redirect_uris: [callbackUrl],
    })),
  });
}

/** Signs in and consents at once. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    await provider.interactionFinished(request, response, { login: { accountId: claims.sub } });
    return;
  }
  const grant = new provider.Grant({ accountId: session?.accountId ?? '', clientId: String(params.client_id) });
  grant.addOIDCScope('openid email profile');
  const consent = { grantId: await grant.save() };
  await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

/** Follows the redirects as a browser does, until they leave the provider. */
async function browse(start: URL): Promise<URLSearchParams> {
  const cookies = new Map<string, string>();
  let url = start;
  for (let hop = 0; hop < 10; hop += 1) {
    if (url.origin !== issuer) return url.searchParams;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const text of response.headers.getSetCookie()) {
      const [name = '', ...value] = (text.split(';')[0] ?? '').split('=');
      cookies.set(name, value.join('='));
    }
    const location = response.headers.get('location');
    if (location === null) throw new Error(`${url.pathname}: ${response.status} ${await response.text()}`);
    url = new URL(location, url);
  }
  throw new Error('too many redirects');
}

const login = { state: 'state-of-this-login', nonce: 'nonce', verifier: 'v'.repeat(43), redirectUri: callbackUrl };

function open(clientId: string, secret: string | undefined) {
  const settings = providerSettings.parse({ clientId, allowPrivate: true, emailDomains: ['people.example'] });
  const provider: IdentityProvider = {
    ...describeProvider(presets.oidc, settings),
    id: 'op',
    name: 'OP',
    preset: 'oidc',
    issuer,
    enabled: true,
  };
  const deps = { outbound: openOutbound(), clock: systemClock, production: false, secretOf: () => secret };
  return { provider, client: new ProviderClient(deps) };
}

describe('node-oidc-provider', () => {
  it.each(clients)('identifies the person to a client with %s', async (method) => {
    const { provider, client } = open(method, method === 'none' ? undefined : clientSecret);
    const settings = method === 'client_secret_post' ? { clientAuthentication: 'post' as const } : {};
    const own = { ...provider, settings: { ...provider.settings, ...settings } };
    const callback = await browse(await client.authorizationUrl(own, login));
    expect(await client.exchange(own, { ...login, callback })).toEqual({
      issuer,
      subject: 'ada-1',
      email: { address: 'ada@people.example', proven: true },
      name: 'Ada',
      strength: 'one',
    });
  });

  it('redeems a code once, and only with the verifier, the nonce and the state of its login', async () => {
    const { provider, client } = open('client_secret_basic', clientSecret);
    const code = async () => browse(await client.authorizationUrl(provider, login));
    const callback = await code();
    await client.exchange(provider, { ...login, callback });
    expect(await refusalOf(client.exchange(provider, { ...login, callback }))).toBe('invalid');
    for (const foreign of [{ verifier: 'w'.repeat(43) }, { nonce: 'other' }, { state: 'other' }])
      expect(await refusalOf(client.exchange(provider, { ...login, ...foreign, callback: await code() }))).toBe(
        'invalid',
      );
  });

  it('refuses a wrong secret', async () => {
    const { provider, client } = open('client_secret_basic', 'wrong');
    const callback = await browse(await client.authorizationUrl(provider, login));
    expect(await refusalOf(client.exchange(provider, { ...login, callback }))).toBe('unavailable');
  });
});
