import { createHmac, generateKeyPairSync } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { present } from '#kernel/assert.ts';
import { systemClock } from '#kernel/clock.ts';
import { importVerifyKey, verifyJwt } from '#protocol/jose/index.ts';
import { type FakeProvider, startFakeProvider } from '#test/support/fake-provider.ts';
import { json } from '#test/support/http-receiver.ts';
import { callbackUrl, logInAt, openProviderClient, providerOf, refusalOf } from '#test/support/provider-client.ts';
import { type OAuth2Endpoints, type Preset, presetNames, presets } from './presets.ts';
import type { IdentityProvider, PresetName } from './provider.ts';

let fake: FakeProvider;

beforeAll(async () => {
  fake = await startFakeProvider();
  return () => fake.stop();
});

beforeEach(() => {
  fake.tampering = {};
  fake.person = { sub: 'ada-1', email: 'ada@people.example', email_verified: true, name: 'Ada' };
});

const login = { state: 's', nonce: 'n', verifier: 'v'.repeat(43), redirectUri: callbackUrl };

/** The endpoints of an OAuth 2.0 preset at the fake provider. */
function relocated(name: PresetName): Partial<Record<PresetName, Preset>> {
  const preset = presets[name];
  const at = (address: string) => fake.issuer + new URL(address).pathname + new URL(address).search;
  const { profile, ...endpoints } = present(preset.oauth2, 'the endpoints');
  const oauth2: OAuth2Endpoints = {
    ...endpoints,
    token: `${fake.issuer}/token`,
    profile: {
      ...profile,
      url: at(profile.url),
      ...(profile.emailsUrl === undefined ? {} : { emailsUrl: at(profile.emailsUrl) }),
    },
  };
  return { [name]: { ...preset, oauth2 } };
}

function reactTo(path: string, body: unknown): void {
  fake.tampering = { ...fake.tampering, reactions: { ...fake.tampering.reactions, [path]: json(body) } };
}

describe('a preset', () => {
  it.each(presetNames)('%s asks by https alone, and PKCE goes without saying but for LinkedIn', (name) => {
    const preset = presets[name];
    for (const address of [preset.issuer, preset.discovery, preset.oauth2?.authorization, preset.oauth2?.token])
      expect(address ?? 'https://').toMatch(/^https:\/\//);
    expect(preset.usesPkce).toBe(name !== 'linkedin');
    expect(preset.usesNonce).toBe(preset.kind === 'oidc' && name !== 'linkedin');
  });

  it('has an issuer of its own', () => {
    const issuers = presetNames.flatMap((name) => presets[name].issuer ?? []);
    expect(new Set(issuers).size).toBe(issuers.length);
  });
});

describe('Google', () => {
  it('proves the addresses of its own domain', async () => {
    fake.person = { sub: '1184', email: 'ada@gmail.com', email_verified: true };
    const google = providerOf(fake, 'google');
    expect(await logInAt(fake, openProviderClient(fake), google)).toMatchObject({
      subject: '1184',
      email: { address: 'ada@gmail.com', proven: true },
    });
  });
});

describe('LinkedIn', () => {
  it('gets neither PKCE nor nonce, and a nonce that comes nevertheless is refused', async () => {
    const linkedin = providerOf(fake, 'linkedin');
    const client = openProviderClient(fake);
    const url = await client.authorizationUrl(linkedin, login);
    expect([...url.searchParams.keys()]).toEqual(['response_type', 'client_id', 'redirect_uri', 'scope', 'state']);
    expect(await logInAt(fake, client, linkedin)).toMatchObject({ subject: 'ada-1', email: { proven: false } });
    expect(fake.requestsTo('/token').at(-1)?.body).not.toContain('code_verifier');
    fake.tampering = { claims: { nonce: 'of another login' } };
    expect(await refusalOf(logInAt(fake, client, linkedin))).toBe('invalid');
  });
});

describe('Microsoft', () => {
  const tenant = '11111111-2222-4333-8444-555555555555';
  const other = '99999999-2222-4333-8444-555555555555';
  const template = () => `${fake.issuer}/{tenantid}/v2.0`;
  const of = (tid: string) => ({ tid, iss: `${fake.issuer}/${tid}/v2.0` });

  function microsoft(): IdentityProvider {
    return { ...providerOf(fake, 'microsoft', { tenants: [tenant] }), issuer: template() };
  }

  const logIn = (claims: Readonly<Record<string, unknown>>) => {
    fake.tampering = {
      discovery: { issuer: template(), authorization_response_iss_parameter_supported: undefined },
      callback: { iss: of(tenant).iss },
      claims,
    };
    const client = openProviderClient(fake, {
      presets: { microsoft: { ...presets.microsoft, discovery: fake.issuer } },
    });
    return logInAt(fake, client, microsoft());
  };

  it('signs in the users of a listed tenant; the tenant is part of the subject, and the email is not proven', async () => {
    expect(await logIn(of(tenant))).toMatchObject({
      issuer: template(),
      subject: `${tenant}/ada-1`,
      email: { proven: false },
    });
  });

  it.each([
    ['a tenant that is not listed', () => of(other)],
    ['no tenant', () => ({ iss: of(tenant).iss })],
    ['a tenant that is no text', () => ({ tid: [tenant], iss: of(tenant).iss })],
    ['the issuer of another tenant', () => ({ tid: tenant, iss: of(other).iss })],
    ['the template as the issuer', () => ({ tid: tenant, iss: template() })],
    ['a template as the tenant', () => ({ tid: '{tenantid}', iss: template() })],
  ] as const)('refuses %s', async (_, claims) => {
    expect(await refusalOf(logIn(claims()))).toBe('invalid');
  });
});

describe('Apple', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  it('gets a secret that we sign for five minutes, and posts its callback', async () => {
    const apple = providerOf(fake, 'apple', { apple: { teamId: 'TEAM000001', keyId: 'KEY0000001' } });
    const client = openProviderClient(fake, { secret: pem });
    const url = await client.authorizationUrl(apple, login);
    expect([url.searchParams.get('response_mode'), url.searchParams.get('scope')]).toEqual(['form_post', 'name email']);
    expect(apple.responseMode).toBe('form_post');
    // The fake provider knows no such secret.
    expect(await refusalOf(logInAt(fake, client, apple))).toBe('unavailable');
    const sent = new URLSearchParams(fake.requestsTo('/token').at(-1)?.body);
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'KEY0000001', alg: 'ES256', use: 'sig' } as const;
    const verified = await verifyJwt(sent.get('client_secret') ?? '', {
      keys: () => importVerifyKey(jwk as Parameters<typeof importVerifyKey>[0]),
      alg: 'ES256',
      typ: 'JWT',
      issuer: 'TEAM000001',
      audience: fake.issuer,
      now: systemClock.now(),
      clockToleranceSeconds: 5,
    });
    expect(verified).toMatchObject({ kind: 'ok', claims: { sub: fake.clientId, iss: 'TEAM000001' } });
    const { exp = 0, iat = 0 } = verified.kind === 'ok' ? verified.claims : {};
    expect(exp - iat).toBe(300);
  });
});

describe('GitHub', () => {
  const github = () => ({ ...providerOf(fake, 'github'), issuer: 'https://github.com' });
  const logIn = () => logInAt(fake, openProviderClient(fake, { presets: relocated('github') }), github());

  beforeEach(() => {
    fake.tampering = { callback: { iss: 'https://github.com/login/oauth' }, idToken: () => undefined };
    reactTo('/user', { id: 583_231, login: 'ada', name: null, email: 'public@people.example' });
    reactTo('/user/emails', [
      { email: 'old@people.example', primary: false, verified: true },
      { email: 'ada@people.example', primary: true, verified: true },
    ]);
  });

  it('identifies by the number of the account, with its primary verified email, which is not proven', async () => {
    expect(await logIn()).toEqual({
      issuer: 'https://github.com',
      subject: '583231',
      email: { address: 'ada@people.example', proven: false },
      name: 'ada',
      strength: 'one',
    });
    const profile = fake.receiver.received.findLast(({ url }) => url === '/user');
    expect(profile?.headers.authorization).toBe('Bearer opaque');
  });

  it('has no email while the primary one is not verified', async () => {
    reactTo('/user/emails', [{ email: 'ada@people.example', primary: true, verified: false }]);
    expect(await logIn()).toMatchObject({ email: undefined });
    reactTo('/user/emails', { message: 'Not Found' });
    expect(await logIn()).toMatchObject({ email: undefined });
  });

  it('refuses the callback of another issuer, and accepts one without', async () => {
    fake.tampering = { ...fake.tampering, callback: { iss: 'https://evil.example' } };
    expect(await refusalOf(logIn())).toBe('invalid');
    fake.tampering = { ...fake.tampering, callback: { iss: undefined } };
    expect(await logIn()).toMatchObject({ subject: '583231' });
  });

  it.each([undefined, null, '', 2 ** 53, 1.5, Number.NaN, ['1'], true])('refuses the id %j', async (id) => {
    reactTo('/user', { id, login: 'ada' });
    expect(await refusalOf(logIn())).toBe('invalid');
  });

  it('refuses a profile that is none', async () => {
    for (const profile of [[], 'text', null, 1]) {
      reactTo('/user', profile);
      expect(await refusalOf(logIn()), JSON.stringify(profile)).toBe('invalid');
    }
  });
});

describe('Facebook', () => {
  it('gets the proof that we have the client secret, with each request of a profile', async () => {
    const facebook = { ...providerOf(fake, 'facebook'), issuer: 'https://www.facebook.com' };
    fake.tampering = { idToken: () => undefined };
    reactTo('/me', { id: '10158', name: 'Ada', email: 'ada@people.example' });
    const identity = await logInAt(fake, openProviderClient(fake, { presets: relocated('facebook') }), facebook);
    expect(identity).toMatchObject({ issuer: 'https://www.facebook.com', subject: '10158', email: { proven: false } });
    const sent = new URL(fake.receiver.received.at(-1)?.url ?? '', fake.issuer).searchParams;
    expect(sent.get('appsecret_proof')).toBe(createHmac('sha256', fake.clientSecret).update('opaque').digest('hex'));
    expect(sent.get('fields')).toBe('id,name,email');
  });
});

describe('a generic OAuth 2.0 provider', () => {
  it('is read by the paths of its settings', async () => {
    const endpoints = {
      authorization: `${fake.issuer}/authorize`,
      token: `${fake.issuer}/token`,
      profile: `${fake.issuer}/profile`,
    };
    const members = { subject: 'data.user.id', email: 'data.mail', name: 'data.user.display-name' };
    const provider = providerOf(fake, 'oauth2', { endpoints, members, scopes: ['profile'] });
    fake.tampering = { idToken: () => undefined, callback: { iss: 'https://unannounced.example' } };
    reactTo('/profile', { data: { user: { id: 7, 'display-name': 'Ada' }, mail: 'ada@people.example' } });
    expect(await logInAt(fake, openProviderClient(fake), provider)).toMatchObject({
      issuer: fake.issuer,
      subject: '7',
      email: { address: 'ada@people.example', proven: false },
      name: 'Ada',
    });
    reactTo('/profile', { data: { user: { constructor: 1 } } });
    expect(await refusalOf(logInAt(fake, openProviderClient(fake), provider))).toBe('invalid');
  });
});
