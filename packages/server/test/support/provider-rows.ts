/** Rows of identity providers, for tests that make no request to one. */
import { randomBytes } from 'node:crypto';
import { type Database, statement } from '#platform/database/index.ts';

const insert = statement('test_providers.insert', {
  lane: 'pool',
  sql: `insert into identity_providers (id, preset, name, issuer, settings, enabled, managed_by, created_at, updated_at)
    values (:id, 'oidc', 'Provider', :issuer, '{}', true, 'operator', :now, :now)`,
  params: { id: 'text', issuer: 'text', now: 'timestamptz' },
  columns: {},
});

const enable = statement('test_providers.enable', {
  lane: 'pool',
  sql: 'update identity_providers set enabled = :enabled where id = :id',
  params: { id: 'text', enabled: 'bool' },
  columns: {},
});

/** An enabled provider of its own issuer. */
export async function addProviderRow(
  database: Database,
  now: Date,
): Promise<{ readonly id: string; readonly issuer: string }> {
  const id = `p${randomBytes(6).toString('hex')}`;
  const issuer = `https://${id}.example`;
  await database.run(insert, { id, issuer, now });
  return { id, issuer };
}

/** Disables or enables a provider, without a word to the processes. */
export async function setProviderEnabled(database: Database, id: string, enabled: boolean): Promise<void> {
  await database.run(enable, { id, enabled });
}
