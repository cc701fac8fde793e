import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { checkProvider, type NewProvider } from './new-provider.ts';
import { presetNames } from './presets.ts';

const base: NewProvider = {
  id: 'acme',
  preset: 'oidc',
  name: undefined,
  issuer: 'https://idp.example.com',
  secret: 'secret',
  settings: { clientId: 'latchkey' },
};

const key = (namedCurve: string) =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

const apple = { clientId: 'com.example', apple: { teamId: 'TEAM000001', keyId: 'KEY0000001' } };
const tenant = '11111111-2222-4333-8444-555555555555';
const endpoints = {
  authorization: 'https://idp.example.com/authorize',
  token: 'https://idp.example.com/token',
  profile: 'https://api.example.com/me',
};

function check(more: Partial<NewProvider>, production = true) {
  const checked = checkProvider({ ...base, ...more }, { production });
  return checked.kind === 'ok' ? checked.provider : checked.reason;
}

const settings = (more: Readonly<Record<string, unknown>>) => ({ settings: { clientId: 'latchkey', ...more } });

describe('a new provider', () => {
  it('has the name and the issuer of its preset', () => {
    expect(check({ id: 'google', preset: 'google', issuer: undefined })).toMatchObject({
      name: 'Google',
      issuer: 'https://accounts.google.com',
      settings: { clientId: 'latchkey', allowPrivate: false, emailDomains: [], tenants: [] },
    });
    expect(check({ preset: 'gitlab', issuer: undefined })).toMatchObject({ issuer: 'https://gitlab.com' });
    expect(check({ preset: 'gitlab', issuer: 'https://git.example.com' })).toMatchObject({
      issuer: 'https://git.example.com',
    });
    expect(check({ name: 'Acme' })).toMatchObject({ name: 'Acme', issuer: 'https://idp.example.com' });
  });

  it('of generic OAuth 2.0 has the issuer of its token endpoint, whatever its other endpoints are', () => {
    const oauth2 = { preset: 'oauth2', issuer: undefined, ...settings({ endpoints }) };
    expect(check(oauth2)).toMatchObject({ issuer: 'oauth2:https://idp.example.com' });
    expect(check({ ...oauth2, issuer: 'https://accounts.google.com' })).toContain('follows from its token endpoint');
  });

  it('of Apple has a key that signs ES256', () => {
    const of = (secret: string | undefined) => ({ preset: 'apple', issuer: undefined, secret, settings: apple });
    expect(check(of(key('P-256')))).toMatchObject({ issuer: 'https://appleid.apple.com' });
    for (const secret of ['secret', key('P-384'), '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'])
      expect(check(of(secret))).toContain('.p8 file');
    expect(check(of(undefined))).toBe('Apple needs a client secret.');
  });

  it('of Microsoft lists its tenants', () => {
    const of = (tenants: readonly string[]) => ({ preset: 'microsoft', issuer: undefined, ...settings({ tenants }) });
    expect(check(of([tenant.toUpperCase()]))).toMatchObject({ settings: { tenants: [tenant] } });
    expect(check(of([]))).toContain('needs the IDs of the tenants');
    for (const name of ['common', 'organizations', '*', '']) expect(check(of([name])), name).toContain('tenants.0');
  });

  it('needs no secret where the provider may have public clients', () => {
    expect(check({ secret: undefined })).toMatchObject({ secret: undefined });
    const others = presetNames.filter((name) => name !== 'oidc' && name !== 'oauth2');
    for (const preset of others) {
      const more = preset === 'microsoft' ? { tenants: [tenant] } : {};
      const given = preset === 'apple' ? { settings: apple } : settings(more);
      expect(check({ preset, issuer: undefined, secret: undefined, ...given }), preset).toContain(
        'needs a client secret',
      );
    }
  });

  it('may be in the own network, and on this machine by http outside production, only when that is allowed', () => {
    const own = settings({ allowPrivate: true });
    expect(check({ issuer: 'https://10.0.0.5:8443', ...own })).toMatchObject({ issuer: 'https://10.0.0.5:8443' });
    expect(check({ issuer: 'http://localhost:8080', ...own }, false)).toMatchObject({
      issuer: 'http://localhost:8080',
    });
    expect(check({ issuer: 'http://localhost:8080', ...own })).toContain('must begin with https:');
    expect(check({ issuer: 'http://localhost:8080' }, false)).toContain('must begin with https:');
  });

  it.each([
    ['https://127.0.0.1', 'private network'],
    ['https://169.254.169.254', 'private network'],
    ['https://2130706433', 'private network'],
    ['http://idp.example.com', 'must begin with https:'],
    ['https://user:pass@idp.example.com', 'contains a user name'],
    ['https://idp.example.com:22', 'another service'],
    ['https://idp.example.com?x', 'no query'],
    ['https://idp.example.com#x', 'no query'],
    ['idp.example.com', 'is no URL'],
    ['javascript:alert(1)', 'must begin with https:'],
  ])('with the issuer %s is refused: %s', (issuer, reason) => {
    expect(check({ issuer })).toContain(reason);
    const at = { ...endpoints, profile: issuer };
    expect(check({ preset: 'oauth2', issuer: undefined, ...settings({ endpoints: at }) })).toEqual(expect.any(String));
  });

  it.each(['', 'Google', 'a b', '-a', 'a-', 'a--b', 'a/b', '..', 'ä', 'a'.repeat(33)])('is not named %j', (id) => {
    expect(check({ id })).toContain('at most 32 lowercase letters');
  });

  it.each([
    [{ preset: 'myspace' }, 'There is no preset "myspace"'],
    [{ issuer: undefined }, 'needs the issuer'],
    [{ preset: 'google' }, 'The issuer of Google is known'],
    [{ preset: 'oauth2', issuer: undefined }, 'needs the endpoints'],
    [{ settings: {} }, '"clientId" is not valid'],
    [settings({ clientId: 'a b' }), '"clientId" is not valid'],
    [settings({ unknown: 1 }), 'unknown'],
    [settings({ tenants: [tenant] }), 'Tenants are for Microsoft'],
    [settings({ apple: apple.apple }), 'for Apple'],
    [settings({ endpoints }), 'for the preset "oauth2"'],
    [{ preset: 'gitlab', ...settings({ emailDomains: ['example.com'] }) }, 'for the preset "oidc"'],
    [{ preset: 'gitlab', ...settings({ nativeClientIds: ['ios'] }) }, 'need an OpenID provider'],
    [settings({ emailDomains: ['Example.com'] }), '"emailDomains.0" is not valid'],
    [settings({ emailDomains: ['*.example.com'] }), '"emailDomains.0" is not valid'],
    [settings({ scopes: ['email'] }), 'must include "openid"'],
    [settings({ scopes: ['openid email'] }), '"scopes.0" is not valid'],
    [{ secret: '' }, 'empty or too long'],
    [{ secret: 's'.repeat(8193) }, 'empty or too long'],
    [{ name: '' }, 'visible characters'],
    [{ name: 'Goo\u202egle' }, 'visible characters'],
    [{ name: 'n'.repeat(41) }, 'visible characters'],
  ] as const)('with %j is refused: %s', (more, reason) => {
    expect(check(more as Partial<NewProvider>)).toContain(reason);
  });
});
