/** The keys of applicants whom the registration hook did not admit. They have no user whose key could encrypt their address. */
import type { Batch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

const insert = statement('applicant_keys.insert', {
  lane: 'pool',
  sql: `insert into applicant_keys (id, address_hmac, hmac_key_id, wrapped, created_at)
    values (:id, :addressHmac, :hmacKeyId, :wrapped, :now)`,
  params: { id: 'uuid', addressHmac: 'bytea', hmacKeyId: 'uuid', wrapped: 'bytea', now: 'timestamptz' },
  columns: {},
});

const listAddresses = statement('applicant_keys.list_addresses', {
  lane: 'pool',
  sql: 'select canonical from identifiers where user_id = :userId',
  params: { userId: 'uuid' },
  columns: { canonical: 'text' },
});

const deleteByAddress = statement('applicant_keys.delete_by_address', {
  lane: 'pool',
  sql: 'delete from applicant_keys where address_hmac = any(:hmacs::bytea[])',
  params: { hmacs: 'bytea[]' },
  columns: {},
});

const retentionSeconds = 90 * 24 * 60 * 60;

const deleteExpired = statement('applicant_keys.delete_expired', {
  lane: 'pool',
  sql: `delete from applicant_keys where id in (
    select id from applicant_keys where created_at < :before order by created_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Stores a new key under `id`, the id of the audit event that it encrypts. */
export async function insertApplicantKey(
  tx: Queries,
  keys: Keys,
  { id, email, now }: { readonly id: string; readonly email: string; readonly now: Date },
): Promise<UserKey> {
  const { key, wrapped } = keys.createKeyFor({ kind: 'applicant', id });
  const hmacKeyId = keys.currentKeyId('lookup');
  await tx.run(insert, { id, addressHmac: hmacOf(keys, email, hmacKeyId), hmacKeyId, wrapped, now });
  return key;
}

/** Deletes the keys of a user's addresses, in the transaction that erases the user. */
export async function eraseApplicantKeys(tx: Queries, keys: Keys, userId: string): Promise<void> {
  const addresses = await tx.rows(listAddresses, { userId });
  const hmacs = keys
    .keyIds('lookup')
    .flatMap((keyId) => addresses.map(({ canonical }) => hmacOf(keys, canonical, keyId)));
  await tx.run(deleteByAddress, { hmacs });
}

/** Deletes keys after 90 days. Returns the number of deleted rows. */
export async function deleteExpiredApplicantKeys(database: Database, now: Date, batch: Batch): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds), ...batch });
}

function hmacOf(keys: Keys, email: string, keyId: string): Buffer {
  return keys.mac('lookup', `applicant:${email}`, keyId);
}
