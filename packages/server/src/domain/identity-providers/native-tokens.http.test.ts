import { createHash } from 'node:crypto';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FixedClock, systemClock } from '#kernel/clock.ts';
import { type FakeProvider, startFakeProvider } from '#test/support/fake-provider.ts';
import { openProviderClient, providerOf, refusalOf } from '#test/support/provider-client.ts';
import type { PresetName } from './provider.ts';

let fake: FakeProvider;

beforeAll(async () => {
  fake = await startFakeProvider();
  return () => fake.stop();
});

beforeEach(() => {
  fake.tampering = {};
});

const nonce = 'nonce-of-this-login';
const settings = { nativeClientIds: ['android', 'ios'] };
const now = () => Math.floor(systemClock.now().getTime() / 1000);

function claims(more: Readonly<Record<string, unknown>> = {}) {
  return { iss: fake.issuer, sub: 'ada-1', aud: 'ios', iat: now(), exp: now() + 3600, nonce, ...more };
}

function verify(idToken: string, { preset = 'oidc' as PresetName, client = openProviderClient(fake) } = {}) {
  return client.verifyNativeIdToken(providerOf(fake, preset, settings), { idToken, nonce });
}

describe('an ID token of a native application', () => {
  it('identifies the person', async () => {
    const person = { email: 'ada@gmail.com', email_verified: true, name: 'Ada' };
    expect(await verify(fake.mint(claims(person)), { preset: 'google' })).toEqual({
      issuer: fake.issuer,
      subject: 'ada-1',
      email: { address: 'ada@gmail.com', proven: true },
      name: 'Ada',
      strength: 'one',
    });
  });

  it('has the hash of the nonce if it is from Apple', async () => {
    const hash = createHash('sha256').update(nonce).digest('hex');
    expect(await verify(fake.mint(claims({ nonce: hash })), { preset: 'apple' })).toMatchObject({ subject: 'ada-1' });
    expect(await refusalOf(verify(fake.mint(claims()), { preset: 'apple' }))).toBe('invalid');
  });

  it.each([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['without an issuer', { iss: undefined }],
    ['for another audience', { aud: 'web' }],
    ['for the client of the web', { aud: 'latchkey' }],
    ['for two audiences', { aud: ['ios', 'android'] }],
    ['of a foreign party', { azp: 'other' }],
    ['with a wrong nonce', { nonce: 'other' }],
    ['without a nonce', { nonce: undefined }],
    ['without a subject', { sub: undefined }],
    ['that has expired', { iat: now() - 500, exp: now() - 100 }],
    ['without expiry', { exp: undefined }],
    ['of eleven minutes ago', { iat: now() - 700 }],
    ['without a time', { iat: undefined }],
    ['of the future', { iat: now() + 100 }],
  ])('%s is refused', async (_, more) => {
    expect(await refusalOf(verify(fake.mint(claims(more))))).toBe('invalid');
  });

  it.each([
    ['without a signature', { alg: 'none' }],
    ['with a shared secret', { alg: 'HS256' }],
    ['with another algorithm than its key', { alg: 'RS256' }],
    ['with a critical extension', { crit: ['exp'], exp: 1 }],
    ['with an unencoded payload', { b64: false }],
    ['without a key id', { kid: undefined }],
    ['of an unknown key', { kid: 'unknown' }],
    ['that names its keys', { kid: 'x', jku: 'http://127.0.0.1:1/jwks' }],
  ])('%s is refused', async (_, header) => {
    expect(await refusalOf(verify(fake.mint(claims(), header)))).toBe('invalid');
  });

  it('with a broken signature, spaces, padding, or 8 kB is refused', async () => {
    const token = fake.mint(claims());
    const last = token.at(-2) === 'A' ? 'B' : 'A';
    const texts = [
      token.slice(0, -2) + last + token.slice(-1),
      ` ${token}`,
      `${token}=`,
      `${token}\n`,
      token.slice(0, token.lastIndexOf('.') + 1),
      '',
      fake.mint(claims({ filler: 'x'.repeat(8000) })),
    ];
    for (const text of texts) expect(await refusalOf(verify(text)), text.slice(0, 20)).toBe('invalid');
  });

  it('is refused by a provider that accepts none', async () => {
    const client = openProviderClient(fake);
    const token = { idToken: fake.mint(claims({ aud: fake.clientId })), nonce };
    for (const provider of [providerOf(fake), providerOf(fake, 'gitlab', { nativeClientIds: [fake.clientId] })])
      expect(await refusalOf(client.verifyNativeIdToken(provider, token))).toBe('invalid');
  });
});

describe('an unknown key id', () => {
  it('causes one request in thirty seconds, and a new key is accepted after them', async () => {
    const clock = new FixedClock(systemClock.now());
    const client = openProviderClient(fake, { clock });
    await verify(fake.mint(claims()), { client });
    const before = fake.requestsTo('/jwks').length;
    fake.rotateKey(true);
    const token = fake.mint(claims());
    const tries = () =>
      Promise.allSettled(Array.from({ length: 200 }, () => verify(token, { client }))).then((all) =>
        all.filter(({ status }) => status === 'fulfilled'),
      );
    expect(await tries()).toHaveLength(0);
    expect(fake.requestsTo('/jwks').length).toBe(before);
    clock.advance(30_000);
    expect(await tries()).toHaveLength(200);
    expect(fake.requestsTo('/jwks').length).toBe(before + 1);
  });
});
