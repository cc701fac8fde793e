import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { type FakeProvider, startFakeProvider, type Tampering } from '#test/support/fake-provider.ts';
import { callbackUrl, logInAt, openProviderClient, providerOf, refusalOf } from '#test/support/provider-client.ts';
import { ProviderRefusal } from './provider.ts';

let fake: FakeProvider;

beforeAll(async () => {
  fake = await startFakeProvider();
  return () => fake.stop();
});

beforeEach(() => {
  fake.tampering = {};
  fake.person = { sub: 'ada-1', email: 'ada@people.example', email_verified: true, name: 'Ada' };
});

const now = () => Math.floor(systemClock.now().getTime() / 1000);
const ada = { address: 'ada@people.example', proven: false };

describe('a login at an OpenID provider', () => {
  it('gives issuer, subject, email and name', async () => {
    expect(await logInAt(fake, openProviderClient(fake))).toEqual({
      issuer: fake.issuer,
      subject: 'ada-1',
      email: ada,
      name: 'Ada',
      strength: 'one',
    });
  });

  it('sends state, nonce, PKCE challenge and callback, and no hint about the person', async () => {
    const login = { state: 's', nonce: 'n', verifier: 'v'.repeat(43), redirectUri: callbackUrl };
    const url = await openProviderClient(fake).authorizationUrl(providerOf(fake), login);
    expect(url.origin + url.pathname).toBe(`${fake.issuer}/authorize`);
    expect(Object.fromEntries(url.searchParams)).toEqual({
      response_type: 'code',
      client_id: fake.clientId,
      redirect_uri: callbackUrl,
      scope: 'openid email profile',
      state: 's',
      nonce: 'n',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    });
  });

  it('costs one request once discovery and keys are known', async () => {
    const client = openProviderClient(fake);
    await logInAt(fake, client);
    const before = fake.receiver.received.length;
    await logInAt(fake, client);
    expect(fake.receiver.received.slice(before).map(({ url }) => url)).toEqual(['/token']);
  });

  it('reads discovery once for twenty concurrent logins', async () => {
    const before = fake.requestsTo('/.well-known/openid-configuration').length;
    const client = openProviderClient(fake);
    await Promise.all(Array.from({ length: 20 }, () => logInAt(fake, client)));
    expect(fake.requestsTo('/.well-known/openid-configuration').length).toBe(before + 1);
  });

  it('reads the email from the UserInfo endpoint when the ID token has none', async () => {
    fake.tampering = { claims: { email: undefined, email_verified: undefined, name: undefined } };
    expect(await logInAt(fake, openProviderClient(fake))).toMatchObject({ email: ada, name: 'Ada' });
    fake.tampering = { ...fake.tampering, userinfo: { sub: 'eve-1' } };
    expect(await refusalOf(logInAt(fake, openProviderClient(fake)))).toBe('invalid');
  });

  it('has no email and no name when what the provider sends is none', async () => {
    fake.tampering = { claims: { email: 'no address', name: 'Ad\u202ea' } };
    expect(await logInAt(fake, openProviderClient(fake))).toMatchObject({ email: undefined, name: undefined });
  });

  it('accepts a new key of the provider once a minute has passed, and the old one no more', async () => {
    const client = openProviderClient(fake);
    await logInAt(fake, client);
    fake.rotateKey(true);
    expect(await refusalOf(logInAt(fake, client))).toBe('invalid');
    expect(await logInAt(fake, openProviderClient(fake))).toMatchObject({ subject: 'ada-1' });
  });
});

const foreign = 'https://evil.example';

const refused: readonly (readonly [string, 'denied' | 'invalid' | 'unavailable', Tampering])[] = [
  ['a token of a foreign issuer', 'invalid', { claims: { iss: foreign } }],
  ['a token without an issuer', 'invalid', { claims: { iss: undefined } }],
  ['a discovery document of a foreign issuer', 'unavailable', { discovery: { issuer: foreign } }],
  ['a foreign issuer in the callback', 'invalid', { callback: { iss: foreign } }],
  ['no issuer in the callback though it is announced', 'invalid', { callback: { iss: undefined } }],
  ['a foreign audience', 'invalid', { claims: { aud: 'other' } }],
  ['a list of foreign audiences', 'invalid', { claims: { aud: ['other', 'third'], azp: 'latchkey' } }],
  ['no audience', 'invalid', { claims: { aud: undefined } }],
  ['a second audience', 'invalid', { claims: { aud: ['latchkey', 'other'] } }],
  ['a second audience with our party', 'invalid', { claims: { aud: ['latchkey', 'other'], azp: 'latchkey' } }],
  ['a foreign authorized party', 'invalid', { claims: { azp: 'other' } }],
  ['an authorized party that is no text', 'invalid', { claims: { azp: ['latchkey'] } }],
  ['a wrong nonce', 'invalid', { claims: { nonce: 'of another login' } }],
  ['no nonce', 'invalid', { claims: { nonce: undefined } }],
  ['an expired token', 'invalid', { claims: { iat: now() - 7200, exp: now() - 3600 } }],
  ['a token without expiry', 'invalid', { claims: { exp: undefined } }],
  ['a token that is not valid yet', 'invalid', { claims: { nbf: now() + 3600 } }],
  ['no subject', 'invalid', { claims: { sub: undefined } }],
  ['a subject of 256 characters', 'invalid', { claims: { sub: 's'.repeat(256) } }],
  ['a subject with a line break', 'invalid', { claims: { sub: 'a\nb' } }],
  [
    'a token without a signature',
    'invalid',
    { header: { alg: 'none' }, idToken: (text) => text.replace(/[^.]+$/, '') },
  ],
  ['a token that claims HS256', 'invalid', { header: { alg: 'HS256' } }],
  ['a critical extension', 'invalid', { header: { crit: ['exp'] } }],
  ['a broken signature', 'invalid', { idToken: brokenSignature }],
  ['another payload under the signature', 'invalid', { idToken: otherPayload }],
  ['an unknown key', 'invalid', { header: { kid: 'unknown' } }],
  ['a key of its own in the header', 'invalid', { header: { kid: 'x', jwk: { kty: 'EC' }, jku: foreign } }],
  ['no ID token', 'invalid', { idToken: () => undefined }],
  ['an ID token that is none', 'invalid', { idToken: () => 'a.b' }],
  ['a token of another type', 'invalid', { tokens: { token_type: 'mac' } }],
  ['no access token', 'invalid', { tokens: { access_token: undefined } }],
  ['a foreign state', 'invalid', { callback: { state: 'of another login' } }],
  ['no state', 'invalid', { callback: { state: undefined } }],
  ['no code', 'invalid', { callback: { code: undefined } }],
  ['a foreign code', 'invalid', { callback: { code: 'of another login' } }],
  ['a declined consent', 'denied', { callback: { code: undefined, error: 'access_denied' } }],
  ['an overloaded provider', 'unavailable', { callback: { code: undefined, error: 'temporarily_unavailable' } }],
  ['an error of our request', 'invalid', { callback: { code: undefined, error: 'invalid_scope' } }],
];

function brokenSignature(token: string): string {
  const last = token.at(-2) === 'A' ? 'B' : 'A';
  return token.slice(0, -2) + last + token.slice(-1);
}

function otherPayload(token: string): string {
  const [header, payload = '', signature] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const altered = Buffer.from(JSON.stringify({ ...claims, sub: 'eve-1' })).toString('base64url');
  return `${header}.${altered}.${signature}`;
}

describe('a login is refused for', () => {
  it.each(refused)('%s (%s)', async (_, kind, tampering) => {
    const client = openProviderClient(fake);
    fake.tampering = tampering;
    expect(await refusalOf(logInAt(fake, client))).toBe(kind);
    fake.tampering = {};
    expect(await logInAt(fake, client), 'the next login').toMatchObject({ subject: 'ada-1' });
  });

  it('a foreign token, without its claims or the code in the error', async () => {
    fake.tampering = { claims: { iss: foreign } };
    const error: unknown = await logInAt(fake, openProviderClient(fake)).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ProviderRefusal);
    expect((error as ProviderRefusal).cause).toBeUndefined();
    expect((error as ProviderRefusal).message).toBe(
      'identity provider fake: unexpected JWT "iss" (issuer) claim value',
    );
  });

  it('a repeated parameter of the callback', async () => {
    const login = { state: 's', nonce: 'n', verifier: 'v'.repeat(43), redirectUri: callbackUrl };
    const client = openProviderClient(fake);
    const callback = fake.authorize(await client.authorizationUrl(providerOf(fake), login));
    callback.append('code', 'second');
    expect(await refusalOf(client.exchange(providerOf(fake), { ...login, callback }))).toBe('invalid');
  });

  it('a verifier of another login', async () => {
    const login = { state: 's', nonce: 'n', verifier: 'v'.repeat(43), redirectUri: callbackUrl };
    const client = openProviderClient(fake);
    const callback = fake.authorize(await client.authorizationUrl(providerOf(fake), login));
    const other = { ...login, verifier: 'w'.repeat(43), callback };
    expect(await refusalOf(client.exchange(providerOf(fake), other))).toBe('invalid');
  });

  it('a wrong client secret of ours, as an outage that the log explains', async () => {
    const client = openProviderClient(fake, { secret: 'wrong' });
    expect(await refusalOf(logInAt(fake, client))).toBe('unavailable');
    await expect(logInAt(fake, client)).rejects.toThrow('identity provider fake: token endpoint: invalid_client');
  });
});

describe('an unknown key', () => {
  it('is looked up once for two hundred tokens', async () => {
    const client = openProviderClient(fake);
    await logInAt(fake, client);
    const before = fake.requestsTo('/jwks').length;
    fake.tampering = { header: { kid: 'unknown' } };
    const login = () => refusalOf(logInAt(fake, client));
    for (let round = 0; round < 4; round += 1) await Promise.all(Array.from({ length: 50 }, login));
    expect(fake.requestsTo('/jwks').length - before).toBeLessThanOrEqual(1);
  });
});

describe('two factors', () => {
  const strong = [{ amr: ['pwd', 'mfa'] }, { acr: 'phr' }, { acr: 'https://refeds.org/profile/mfa' }];

  it.each(strong)('of %j count only where the setting says so', async (claims) => {
    fake.tampering = { claims };
    const trusting = providerOf(fake, 'oidc', { trustsTwoFactors: true });
    expect(await logInAt(fake, openProviderClient(fake), trusting)).toMatchObject({ strength: 'two' });
    expect(await logInAt(fake, openProviderClient(fake))).toMatchObject({ strength: 'one' });
  });

  it.each([{}, { amr: 'mfa' }, { amr: ['otp'] }, { acr: 'silver' }, { acr: ['phr'] }])(
    'are not asserted by %j',
    async (claims) => {
      fake.tampering = { claims };
      const trusting = providerOf(fake, 'oidc', { trustsTwoFactors: true });
      expect(await logInAt(fake, openProviderClient(fake), trusting)).toMatchObject({ strength: 'one' });
    },
  );
});

afterEach(() => {
  fake.tampering = {};
});
