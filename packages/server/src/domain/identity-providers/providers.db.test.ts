import { beforeAll, expect, it } from 'vitest';
import { type JsonValue, statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import {
  changeProvider,
  IdentityProviders,
  insertProvider,
  type ProviderValues,
  removeProvider,
  setProviderEnabled,
} from './index.ts';

const readSealed = statement('test_providers.sealed', {
  lane: 'pool',
  sql: 'select sealed_secret, issuer from identity_providers where id = :id',
  params: { id: 'text' },
  columns: { sealedSecret: 'bytea?', issuer: 'text' },
});

const copySecret = statement('test_providers.copy_secret', {
  lane: 'pool',
  sql: `update identity_providers set sealed_secret = (select sealed_secret from identity_providers where id = 'acme')
    where id = :id`,
  params: { id: 'text' },
  columns: {},
});

describeOnBothDatabases('identity providers', (database) => {
  let fixture: DomainFixture;
  let here: IdentityProviders;
  let there: IdentityProviders;
  const now = new Date('2026-03-01T12:00:00.000Z');

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    [here, there] = [new IdentityProviders(fixture), new IdentityProviders(fixture)];
  });

  function values(more: Partial<ProviderValues> = {}): ProviderValues {
    const id = more.id ?? 'acme';
    return {
      id,
      preset: 'oidc',
      name: 'Acme',
      issuer: `https://${id}.example`,
      settings: { clientId: 'latchkey' },
      sealedSecret: here.sealSecret(id, 'the secret'),
      managedBy: 'operator',
      ...more,
    };
  }

  const add = (more: Partial<ProviderValues> = {}) =>
    database().transaction((tx) => insertProvider(tx, values(more), now));

  it('are read by every node, and the secret is encrypted in the row', async () => {
    expect(await add()).toBe(true);
    await there.refresh();
    expect(there.enabled()).toMatchObject([
      { id: 'acme', name: 'Acme', kind: 'oidc', issuer: 'https://acme.example', responseMode: 'query', enabled: true },
    ]);
    expect(JSON.stringify(there.byId('acme'))).not.toContain('secret');
    expect(there.secretOf({ id: 'acme' })).toBe('the secret');
    const row = await database().row(readSealed, { id: 'acme' });
    expect(row?.sealedSecret?.toString('latin1')).not.toContain('the secret');
  });

  it('are found at once when another node has just added them', async () => {
    expect(here.byId('acme')).toBeUndefined();
    expect(await here.findEnabled('acme')).toMatchObject({ id: 'acme' });
    expect(await here.findEnabled('other')).toBeUndefined();
  });

  it('never have the id or the issuer of another one', async () => {
    expect(await add({ issuer: 'https://second.example' })).toBe(false);
    expect(await add({ id: 'second', issuer: 'https://acme.example' })).toBe(false);
    const twenty = Array.from({ length: 20 }, (_, index) =>
      add({ id: `race-${index}`, issuer: 'https://race.example' }),
    );
    expect((await Promise.all(twenty)).filter((added) => added)).toHaveLength(1);
  });

  it('keep their issuer, preset and manager', async () => {
    const change = (more: Partial<ProviderValues>) =>
      database().transaction((tx) => changeProvider(tx, values({ name: 'Changed', ...more }), now));
    expect(await change({ issuer: 'https://evil.example' })).toBe(false);
    expect(await change({ preset: 'google' })).toBe(false);
    expect(await change({ managedBy: 'settings' })).toBe(false);
    expect(await change({})).toBe(true);
    await here.refresh();
    expect(here.byId('acme')).toMatchObject({ name: 'Changed', issuer: 'https://acme.example' });
  });

  it('are enabled or disabled', async () => {
    const set = (enabled: boolean) =>
      database().transaction((tx) => setProviderEnabled(tx, { id: 'acme', enabled }, now));
    expect([await set(true), await set(false), await set(false)]).toEqual([false, true, false]);
    await here.refresh();
    expect(here.enabled().map(({ id }) => id)).not.toContain('acme');
    expect(here.byId('acme')).toMatchObject({ enabled: false });
    expect(await set(true)).toBe(true);
  });

  it('name the identities of their issuer', () => {
    expect(here.byIssuer('https://acme.example')).toMatchObject({ id: 'acme' });
    expect(here.byIssuer('https://acme.example/')).toBeUndefined();
  });

  it('of a newer release are left out', async () => {
    const rows: readonly [string, string, JsonValue][] = [
      ['newer', 'saml', { clientId: 'x' }],
      ['broken', 'oidc', { clientId: 7 }],
    ];
    for (const [id, preset, settings] of rows) await add({ id, preset, settings });
    await add({ id: 'further', settings: { clientId: 'x', newMember: true } });
    await here.refresh();
    expect(here.all().map(({ id }) => id)).not.toContain('newer');
    expect(here.all().map(({ id }) => id)).not.toContain('broken');
    expect(here.byId('further')).toBeDefined();
  });

  it('do not open the secret of another row', async () => {
    await add({ id: 'copy' });
    await database().run(copySecret, { id: 'copy' });
    await here.refresh();
    expect(() => here.secretOf({ id: 'copy' })).toThrow();
  });

  it('are removed, and their issuer is free', async () => {
    const remove = (id: string) => database().transaction((tx) => removeProvider(tx, id));
    expect([await remove('acme'), await remove('acme')]).toEqual([true, false]);
    await here.refresh();
    expect(here.byId('acme')).toBeUndefined();
    expect(await add({ id: 'again', issuer: 'https://acme.example' })).toBe(true);
  });
});
