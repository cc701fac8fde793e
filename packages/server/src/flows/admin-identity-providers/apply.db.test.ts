import { beforeAll, expect, it } from 'vitest';
import { IdentityProviders, type NewProvider } from '#domain/identity-providers/index.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { openDomainFixture } from '#test/support/domain-fixture.ts';
import { type AdminProviders, addProvider, applyProviders, setEnabled } from './index.ts';

const listEvents = statement('test_providers.events', {
  lane: 'pool',
  sql: `select action, convert_from(body, 'UTF8') as body from audit_events where action like 'provider.%' order by id`,
  params: {},
  columns: { action: 'text', body: 'text?' },
});

const acme: NewProvider = {
  id: 'acme',
  preset: 'oidc',
  name: undefined,
  issuer: 'https://idp.example.com',
  secret: 'a secret of the file',
  settings: { clientId: 'latchkey', emailDomains: ['example.com'] },
};

describeOnBothDatabases('the providers of the settings file', (database) => {
  let flow: AdminProviders;
  const operator = { kind: 'operator' } as const;

  beforeAll(async () => {
    const fixture = await openDomainFixture(database());
    flow = { ...fixture, identityProviders: new IdentityProviders(fixture), production: true };
    await flow.identityProviders.refresh();
  });

  const apply = (...entries: readonly NewProvider[]) => applyProviders(flow, entries);
  const actions = async () => (await database().rows(listEvents, {})).map(({ action }) => action);

  it('are added once, also by the next start', async () => {
    expect(await apply(acme)).toEqual({ kind: 'applied' });
    expect(await apply(acme)).toEqual({ kind: 'applied' });
    expect(flow.identityProviders.byId('acme')).toMatchObject({ issuer: 'https://idp.example.com', enabled: true });
    expect(flow.identityProviders.managerOf('acme')).toBe('settings');
    expect(await actions()).toEqual(['provider.added']);
  });

  it('are changed when the file changes, a secret too, and a disabled one stays disabled', async () => {
    await setEnabled(flow, operator, { id: 'acme', enabled: false });
    await apply({ ...acme, name: 'Acme' });
    await apply({ ...acme, name: 'Acme', secret: 'another secret' });
    await apply({ ...acme, name: 'Acme', secret: 'another secret', settings: { clientId: 'second' } });
    expect(flow.identityProviders.byId('acme')).toMatchObject({ name: 'Acme', enabled: false });
    expect(flow.identityProviders.byId('acme')?.settings).toMatchObject({ clientId: 'second', emailDomains: [] });
    expect(flow.identityProviders.secretOf({ id: 'acme' })).toBe('another secret');
    const changed = ['provider.changed', 'provider.changed', 'provider.changed'];
    expect(await actions()).toEqual(['provider.added', 'provider.disabled', ...changed]);
  });

  it('are refused together, and nothing changes, when one of them is', async () => {
    const mistakes = await apply(
      { ...acme, issuer: 'https://other.example.com' },
      { ...acme, id: 'fine', issuer: 'https://fine.example.com' },
      { ...acme, id: 'bad', preset: 'myspace' },
    );
    expect(mistakes).toMatchObject({
      kind: 'invalid',
      mistakes: [expect.stringContaining('"bad"'), expect.stringContaining('its preset or issuer has changed')],
    });
    expect(flow.identityProviders.byId('fine')).toBeUndefined();
  });

  it('do not replace a provider that the command line added', async () => {
    const own = { ...acme, id: 'own', issuer: 'https://own.example.com' };
    expect(await addProvider(flow, operator, own)).toMatchObject({ kind: 'added' });
    expect(await apply(acme, own)).toMatchObject({ mistakes: [expect.stringContaining('provider remove own')] });
    expect(await addProvider(flow, operator, { ...own, id: 'twin' })).toEqual({ kind: 'taken', issuer: own.issuer });
  });

  it('are removed when they leave the file; others stay', async () => {
    expect(await apply()).toEqual({ kind: 'applied' });
    expect(flow.identityProviders.all().map(({ id }) => id)).toEqual(['own']);
    expect((await actions()).at(-1)).toBe('provider.removed');
  });

  it('leave no secret in the audit log', async () => {
    const events = await database().rows(listEvents, {});
    expect(events.length).toBeGreaterThan(5);
    for (const { body } of events) expect(body).not.toContain('secret');
  });
});
