/**
 * Values that are accepted once. Owns `used_nonces`; no routes.
 *
 * A value that the server authenticates by itself, such as a MACed challenge, is not stored when it is issued. It is spent
 * by the insertion of its hash in the transaction of its effect, and the primary key decides between concurrent uses
 * (invariant 1): nothing is read first.
 */
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';

/** `ceremony`: the challenge of a passkey. `id_token`: the nonce of a native application's ID token. */
export type NonceKind = 'ceremony' | 'id_token';

/** Rows outlive their value by this, because the clocks of two nodes differ. */
const retentionSeconds = 60;

const spend = statement('used_nonces.spend', {
  lane: 'pool',
  sql: `insert into used_nonces (kind, hash, expires_at) values (:kind, :hash, :expiresAt)
    on conflict do nothing returning kind`,
  params: { kind: 'text', hash: 'bytea', expiresAt: 'timestamptz' },
  columns: { kind: 'text' },
});

const deleteExpired = statement('used_nonces.delete_expired', {
  lane: 'pool',
  sql: `delete from used_nonces where (kind, hash) in (
    select kind, hash from used_nonces where expires_at <= :before order by expires_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Spends a value. Returns false when it was spent before; of concurrent calls exactly one returns true. */
export async function spendNonce(
  tx: Queries,
  kind: NonceKind,
  { hash, expiresAt }: { readonly hash: Buffer; readonly expiresAt: Date },
): Promise<boolean> {
  return (await tx.row(spend, { kind, hash, expiresAt })) !== undefined;
}

/** Deletes rows whose value has expired, at most 10,000. Returns their number. */
export async function deleteExpiredNonces(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds), ...batch });
}
