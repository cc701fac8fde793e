import { beforeAll, expect, it } from 'vitest';
import { IdentityProviders } from '#domain/identity-providers/index.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { openDomainFixture } from '#test/support/domain-fixture.ts';
import { type AdminProviders, addProvider, applyProviders, type ProviderChange, setProvider } from './index.ts';

const newestFacts = statement('test_provider_set.newest_event', {
  lane: 'pool',
  sql: `select convert_from(body, 'UTF8') as body from audit_events where action like 'provider.%' order by id desc limit 1`,
  params: {},
  columns: { body: 'text?' },
});

describeOnBothDatabases('a change of a provider', (database) => {
  let flow: AdminProviders;
  /** The providers as another node reads them. */
  let otherNode: IdentityProviders;
  const operator = { kind: 'operator' } as const;

  beforeAll(async () => {
    const fixture = await openDomainFixture(database());
    flow = { ...fixture, identityProviders: new IdentityProviders(fixture), production: true };
    otherNode = new IdentityProviders(fixture);
    await addProvider(flow, operator, {
      id: 'acme',
      preset: 'oidc',
      name: 'Acme',
      issuer: 'https://idp.example.com',
      secret: 'the first secret',
      settings: { clientId: 'latchkey', emailDomains: ['example.com'] },
    });
    await addProvider(flow, operator, {
      id: 'own',
      preset: 'oauth2',
      name: undefined,
      issuer: undefined,
      secret: 'the first secret',
      settings: { clientId: 'latchkey', endpoints: endpointsOf('https://own.example.com') },
    });
  });

  const endpointsOf = (origin: string) => ({
    authorization: `${origin}/authorize`,
    token: `${origin}/token`,
    profile: `${origin}/me`,
  });
  const set = (id: string, change: Partial<ProviderChange>) =>
    setProvider(flow, operator, id, { name: undefined, secret: undefined, settings: {}, ...change });
  const facts = async () => {
    const { body } = (await database().row(newestFacts, {})) ?? {};
    return (JSON.parse(body ?? '{}') as { facts: object }).facts;
  };

  it('replaces the secret and keeps the rest; every node reads the new one', async () => {
    expect(await set('acme', { secret: 'the second secret' })).toMatchObject({ kind: 'changed' });
    await otherNode.refresh();
    expect(otherNode.secretOf({ id: 'acme' })).toBe('the second secret');
    expect(otherNode.byId('acme')).toMatchObject({ name: 'Acme', settings: { emailDomains: ['example.com'] } });
    expect(await facts()).toMatchObject({ providerId: 'acme', changed: ['secret'] });
    expect(JSON.stringify(await facts())).not.toContain('second secret');
  });

  it('replaces named settings, and returns others to the default', async () => {
    await set('acme', { settings: { emailDomains: [], scopes: ['openid', 'email'] } });
    expect(flow.identityProviders.byId('acme')?.settings).toMatchObject({
      clientId: 'latchkey',
      emailDomains: [],
      scopes: ['openid', 'email'],
    });
    await set('acme', { settings: { scopes: undefined } });
    expect(flow.identityProviders.byId('acme')?.settings.scopes).toBeUndefined();
    expect(flow.identityProviders.secretOf({ id: 'acme' })).toBe('the second secret');
  });

  it('writes no event when nothing changes', async () => {
    await set('acme', { name: 'Acme 2' });
    const before = await facts();
    expect(await set('acme', { name: 'Acme 2', secret: 'the second secret' })).toMatchObject({ kind: 'unchanged' });
    expect(await facts()).toEqual(before);
  });

  it('undoes no other change at the same time', async () => {
    const changes = [{ name: 'Both' }, { secret: 'the third secret' }, { settings: { clientId: 'third' } }];
    await Promise.all(changes.map((change) => set('acme', change)));
    expect(flow.identityProviders.byId('acme')).toMatchObject({ name: 'Both', settings: { clientId: 'third' } });
    expect(flow.identityProviders.secretOf({ id: 'acme' })).toBe('the third secret');
  });

  it('is refused for an unknown provider, another issuer, settings that do not fit, and one of the settings file', async () => {
    expect(await set('none', { name: 'None' })).toEqual({ kind: 'unknown' });
    const moved = await set('own', { settings: { endpoints: endpointsOf('https://evil.example.com') } });
    expect(moved).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('oauth2:https://own.example.com') });
    expect(await set('own', { settings: { tenants: ['2f5a1b36-7a0e-4d1c-9b0f-0c1d2e3f4a5b'] } })).toMatchObject({
      kind: 'invalid',
    });
    await applyProviders(flow, [
      {
        id: 'file',
        preset: 'oidc',
        name: undefined,
        issuer: 'https://file.example.com',
        secret: 'of the file',
        settings: { clientId: 'latchkey' },
      },
    ]);
    expect(await set('file', { name: 'Mine' })).toEqual({ kind: 'managed' });
  });
});
