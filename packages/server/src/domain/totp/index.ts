/**
 * Secrets of authenticator apps (RFC 6238). Owns `totp_secrets`; no routes.
 *
 * Invariants:
 * - A secret is encrypted under the user's key and leaves the process once, when it is enrolled.
 * - A user has at most one confirmed secret. Only a confirmed one is a factor, so an abandoned enrolment changes nothing.
 * - A code is used once (RFC 6238 §5.2): the step of a used code only grows, in the transaction of its effect
 *   (invariant 1).
 *
 * Must not compare codes in a transaction, nor before the attempt is counted (invariant 2); the flows do both.
 */
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';

/** An enrolment that is not confirmed by then is deleted. */
const pendingSeconds = 24 * 60 * 60;

const insertPending = statement('totp_secrets.insert_pending', {
  lane: 'pool',
  sql: `insert into totp_secrets (id, user_id, sealed_secret, created_at) values (:id, :userId, :sealedSecret, :now)
    on conflict (user_id) where confirmed_at is null
    do update set id = excluded.id, sealed_secret = excluded.sealed_secret, created_at = excluded.created_at`,
  params: { id: 'uuid', userId: 'uuid', sealedSecret: 'bytea', now: 'timestamptz' },
  columns: {},
});

const findPending = statement('totp_secrets.find_pending', {
  lane: 'pool',
  sql: `select id as secret_id, sealed_secret from totp_secrets
    where user_id = :userId and confirmed_at is null and created_at > :since`,
  params: { userId: 'uuid', since: 'timestamptz' },
  columns: { secretId: 'uuid', sealedSecret: 'bytea' },
});

const deleteConfirmed = statement('totp_secrets.delete_confirmed', {
  lane: 'pool',
  sql: 'delete from totp_secrets where user_id = :userId and confirmed_at > :since',
  params: { userId: 'uuid', since: 'timestamptz' },
  columns: {},
});

const confirmPending = statement('totp_secrets.confirm', {
  lane: 'pool',
  sql: `update totp_secrets set confirmed_at = :now, last_used_at = :now, last_step = :step
    where id = :secretId and user_id = :userId and confirmed_at is null
    returning id`,
  params: { secretId: 'uuid', userId: 'uuid', step: 'int8', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const useStep = statement('totp_secrets.use_step', {
  lane: 'pool',
  sql: `update totp_secrets set last_step = :step, last_used_at = :now
    where id = :secretId and user_id = :userId and confirmed_at is not null and last_step < :step
    returning id`,
  params: { secretId: 'uuid', userId: 'uuid', step: 'int8', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const describeConfirmed = statement('totp_secrets.describe', {
  lane: 'read',
  sql: `select confirmed_at, last_used_at from totp_secrets where user_id = :userId and confirmed_at is not null`,
  params: { userId: 'uuid' },
  columns: { confirmedAt: 'timestamptz?', lastUsedAt: 'timestamptz?' },
});

const deletePending = statement('totp_secrets.delete_pending', {
  lane: 'pool',
  sql: `delete from totp_secrets where id in (
    select id from totp_secrets where confirmed_at is null and created_at <= :before
    order by created_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Encrypts the secret of the row `secretId`. */
export function sealTotpSecret(userKey: UserKey, secretId: string, secret: Buffer): Buffer {
  return userKey.seal(secret, secretCell(secretId));
}

/** Decrypts the secret of the row `secretId`. */
export function openTotpSecret(userKey: UserKey, secretId: string, sealed: Buffer): Buffer {
  return userKey.open(sealed, secretCell(secretId));
}

function secretCell(secretId: string) {
  return { table: 'totp_secrets', column: 'sealed_secret', row: secretId } as const;
}

/** Stores a secret that is not a factor yet, in place of an earlier one that was not confirmed. */
export async function addPendingTotp(
  queries: Queries,
  secret: { readonly id: string; readonly userId: string; readonly sealedSecret: Buffer; readonly now: Date },
): Promise<void> {
  await queries.run(insertPending, secret);
}

/** A secret that waits for its first code; undefined when there is none from the last day. */
export function findPendingTotp(
  queries: Queries,
  userId: string,
  now: Date,
): Promise<{ readonly secretId: string; readonly sealedSecret: Buffer } | undefined> {
  return queries.row(findPending, { userId, since: addSeconds(now, -pendingSeconds) });
}

/** The step of a code that was compared with a secret. */
export interface TotpStep {
  readonly userId: string;
  readonly secretId: string;
  readonly step: number;
}

/**
 * Makes the pending secret the user's one factor of this kind, and uses the step of its first code. Call it under the
 * user's lock. Returns false when the secret was confirmed or replaced since it was read.
 */
export async function confirmTotp(tx: Queries, { userId, secretId, step }: TotpStep, now: Date): Promise<boolean> {
  await deleteTotp(tx, userId);
  return (await tx.row(confirmPending, { secretId, userId, step: step, now })) !== undefined;
}

/** Uses a step of the confirmed secret. Returns false when this step or a later one was used already. */
export async function useTotpStep(tx: Queries, { userId, secretId, step }: TotpStep, now: Date): Promise<boolean> {
  return (await tx.row(useStep, { secretId, userId, step: step, now })) !== undefined;
}

/** When the user's secret was confirmed and last used; undefined without one. */
export async function describeTotp(
  queries: Queries,
  userId: string,
): Promise<{ readonly confirmedAt: Date; readonly lastUsedAt: Date | null } | undefined> {
  const row = await queries.row(describeConfirmed, { userId });
  return row === undefined || row.confirmedAt === null ? undefined : { ...row, confirmedAt: row.confirmedAt };
}

/** Deletes the confirmed secret, or only one that was confirmed after `since`. Returns whether there was one. */
export async function deleteTotp(tx: Queries, userId: string, since: Date = new Date(0)): Promise<boolean> {
  return (await tx.run(deleteConfirmed, { userId, since })) > 0;
}

/** Deletes secrets that were not confirmed within a day, at most 10,000. Returns their number. */
export async function deletePendingTotp(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deletePending, { before: addSeconds(now, -pendingSeconds), ...batch });
}
