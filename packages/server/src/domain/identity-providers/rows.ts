/** The statements of `identity_providers`. */
import type { JsonValue } from '#kernel/json.ts';
import { type Queries, statement } from '#platform/database/index.ts';

const selected =
  'select id, preset, name, issuer, settings, sealed_secret, enabled, managed_by from identity_providers';
const columns = {
  id: 'text',
  preset: 'text',
  name: 'text',
  issuer: 'text',
  settings: 'jsonb',
  sealedSecret: 'bytea?',
  enabled: 'bool',
  managedBy: 'text',
} as const;

export const listProviders = statement('identity_providers.list', {
  lane: 'pool',
  sql: `${selected} order by name, id`,
  params: {},
  columns,
});

export const lockProvider = statement('identity_providers.lock', {
  lane: 'pool',
  sql: `${selected} where id = :id for update`,
  params: { id: 'text' },
  columns,
});

const values = {
  id: 'text',
  preset: 'text',
  name: 'text',
  issuer: 'text',
  settings: 'jsonb',
  sealedSecret: 'bytea?',
  managedBy: 'text',
  now: 'timestamptz',
} as const;

const insert = statement('identity_providers.insert', {
  lane: 'pool',
  sql: `insert into identity_providers
      (id, preset, name, issuer, settings, sealed_secret, enabled, managed_by, created_at, updated_at)
    values (:id, :preset, :name, :issuer, :settings, :sealedSecret, true, :managedBy, :now, :now)
    on conflict do nothing
    returning id`,
  params: values,
  columns: { id: 'text' },
});

// The issuer and the preset decide whose identities they are, so no statement changes them.
const change = statement('identity_providers.change', {
  lane: 'pool',
  sql: `update identity_providers
    set name = :name, settings = :settings, sealed_secret = :sealedSecret, updated_at = :now
    where id = :id and preset = :preset and issuer = :issuer and managed_by = :managedBy
    returning id`,
  params: values,
  columns: { id: 'text' },
});

const setEnabled = statement('identity_providers.set_enabled', {
  lane: 'pool',
  sql: `update identity_providers set enabled = :enabled, updated_at = :now
    where id = :id and enabled <> :enabled returning id`,
  params: { id: 'text', enabled: 'bool', now: 'timestamptz' },
  columns: { id: 'text' },
});

// Locked against a change until the effect commits: a provider that was disabled before has none.
const requireEnabled = statement('identity_providers.require_enabled', {
  lane: 'pool',
  sql: 'select id from identity_providers where id = :id and enabled for share',
  params: { id: 'text' },
  columns: { id: 'text' },
});

const remove = statement('identity_providers.remove', {
  lane: 'pool',
  sql: 'delete from identity_providers where id = :id returning id',
  params: { id: 'text' },
  columns: { id: 'text' },
});

export interface ProviderValues {
  readonly id: string;
  readonly preset: string;
  readonly name: string;
  readonly issuer: string;
  readonly settings: JsonValue;
  readonly sealedSecret: Buffer | null;
  readonly managedBy: ProviderManager;
}

/** `settings`: the settings file; the command line only disables and enables such a provider. */
export type ProviderManager = 'operator' | 'settings';

/** Stores an enabled provider. Returns false when another one has its id or its issuer. */
export async function insertProvider(tx: Queries, values: ProviderValues, now: Date): Promise<boolean> {
  return (await tx.row(insert, { ...values, now })) !== undefined;
}

/** Replaces name, settings and secret. Returns false unless id, preset, issuer and manager are those of the row. */
export async function changeProvider(tx: Queries, values: ProviderValues, now: Date): Promise<boolean> {
  return (await tx.row(change, { ...values, now })) !== undefined;
}

/** Returns false when there is no such provider or it is so already. */
export async function setProviderEnabled(
  tx: Queries,
  { id, enabled }: { readonly id: string; readonly enabled: boolean },
  now: Date,
): Promise<boolean> {
  return (await tx.row(setEnabled, { id, enabled, now })) !== undefined;
}

/** Whether people can sign in with a provider, in the transaction of an effect: this process may not know yet that they cannot. */
export async function isProviderEnabled(tx: Queries, id: string): Promise<boolean> {
  return (await tx.row(requireEnabled, { id })) !== undefined;
}

/** Deletes a provider and the logins that wait for its callback. Identities stay: they are of the issuer. */
export async function removeProvider(tx: Queries, id: string): Promise<boolean> {
  return (await tx.row(remove, { id })) !== undefined;
}
