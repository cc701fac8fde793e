import { describe, expect, it } from 'vitest';
import { readProviderEntries } from './provider-entries.ts';
import type { Sources } from './sources.ts';

const sources: Sources = {
  env: {},
  cwd: '/srv',
  files: (path) => {
    if (path === '/run/secret') return { kind: 'text', text: 'from the file\n' };
    return path === '/srv/locked' ? { kind: 'unreadable', reason: 'EACCES' } : { kind: 'absent' };
  },
};

const read = (value: unknown) => readProviderEntries(value, 'latchkey.config.json', sources);
const mistakesOf = (entry: unknown) => read({ acme: entry }).mistakes;

describe('the section providers', () => {
  it('manages nothing when it is absent, which differs from an empty one', () => {
    expect(read(undefined).providers).toBeUndefined();
    expect(read({}).providers).toEqual([]);
  });

  it('has a preset, a name, an issuer, a secret and settings for each provider', () => {
    const acme = { preset: 'oidc', name: 'Acme', issuer: 'https://idp.example', clientSecret: 's', clientId: 'c' };
    expect(read({ acme }).providers).toEqual([
      {
        id: 'acme',
        preset: 'oidc',
        name: 'Acme',
        issuer: 'https://idp.example',
        secret: 's',
        settings: { clientId: 'c' },
      },
    ]);
  });

  it('reads a secret from a file, without its line break', () => {
    const { providers, secretFiles } = read({ acme: { preset: 'google', clientSecretFile: '/run/secret' } });
    expect(providers).toMatchObject([{ secret: 'from the file' }]);
    expect(secretFiles).toEqual([
      { name: 'clientSecretFile of providers.acme in latchkey.config.json', path: '/run/secret' },
    ]);
  });

  it.each([
    [null, 'providers.acme in latchkey.config.json must be an object.'],
    [[], 'providers.acme in latchkey.config.json must be an object.'],
    [{}, 'providers.acme in latchkey.config.json needs a preset, such as "google" or "oidc".'],
    [{ preset: 1 }, 'preset of providers.acme in latchkey.config.json must be a text.'],
    [{ preset: 'oidc', clientSecret: 7 }, 'clientSecret of providers.acme in latchkey.config.json must be a text.'],
    [
      { preset: 'oidc', clientSecret: 'a', clientSecretFile: 'b' },
      'providers.acme in latchkey.config.json has both clientSecret and clientSecretFile.',
    ],
    [
      { preset: 'oidc', clientSecretFile: 'nowhere' },
      'clientSecretFile of providers.acme in latchkey.config.json names nowhere, which does not exist.',
    ],
    [
      { preset: 'oidc', clientSecretFile: 'locked' },
      'clientSecretFile of providers.acme in latchkey.config.json names locked, which cannot be read (EACCES).',
    ],
  ])('reports %j', (entry, mistake) => {
    expect(mistakesOf(entry)).toEqual([mistake]);
  });

  it('must be an object', () => {
    expect(read([]).mistakes).toEqual(['providers in latchkey.config.json must be an object.']);
  });
});
