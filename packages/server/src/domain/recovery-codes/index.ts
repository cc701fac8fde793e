/**
 * Recovery codes: ten codes that each replace a second factor once. Owns `recovery_codes`; no routes.
 *
 * Invariants:
 * - Stored is the HMAC of user and code under the data key `recovery`. A code has 120 random bits, so no slow hash is
 *   needed (OWASP ASVS 5.0, 6.5.2).
 * - A code is used by one UPDATE in the transaction of its effect (invariant 1).
 * - The codes are shown once, in the response that made them.
 *
 * Must not compare a code before the attempt is counted (invariant 2); the flows count it.
 */
import type { MakeId } from '#kernel/ids.ts';
import { type Queries, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import { newRecoveryCode, parseRecoveryCode, showRecoveryCode } from './codes.ts';

const codesAtOnce = 10;

const deleteAll = statement('recovery_codes.delete_all', {
  lane: 'pool',
  sql: 'delete from recovery_codes where user_id = :userId',
  params: { userId: 'uuid' },
  columns: {},
});

const insertAll = statement('recovery_codes.insert', {
  lane: 'pool',
  sql: `insert into recovery_codes (id, user_id, hash, key_id, created_at)
    select id, :userId, hash, :keyId, :now from unnest(:ids::uuid[], :hashes::bytea[]) as made (id, hash)`,
  params: { userId: 'uuid', keyId: 'uuid', ids: 'uuid[]', hashes: 'bytea[]', now: 'timestamptz' },
  columns: {},
});

const use = statement('recovery_codes.use', {
  lane: 'pool',
  sql: `update recovery_codes set used_at = :now
    where user_id = :userId and hash = any (:hashes::bytea[]) and used_at is null returning id`,
  params: { userId: 'uuid', hashes: 'bytea[]', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const count = statement('recovery_codes.count', {
  lane: 'read',
  sql: `select count(*) filter (where used_at is null)::int4 as unused, max(created_at) as created_at
    from recovery_codes where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { unused: 'int4', createdAt: 'timestamptz?' },
});

type CodeKeys = Pick<Keys, 'mac' | 'keyIds' | 'currentKeyId'>;

/** Replaces the user's codes by ten new ones, and returns these as they are shown. Call it under the user's lock. */
export async function makeRecoveryCodes(
  tx: Queries,
  { keys, makeId }: { readonly keys: CodeKeys; readonly makeId: MakeId },
  userId: string,
  now: Date,
): Promise<readonly string[]> {
  const codes = Array.from({ length: codesAtOnce }, newRecoveryCode);
  const keyId = keys.currentKeyId('recovery');
  await tx.run(deleteAll, { userId });
  await tx.run(insertAll, {
    userId,
    keyId,
    ids: codes.map(() => makeId()),
    hashes: codes.map((code) => hashOf(keys, userId, code, keyId)),
    now,
  });
  return codes.map(showRecoveryCode);
}

/** Makes the codes of a user who has none yet; undefined for any other. Call it under the user's lock. */
export async function firstRecoveryCodes(
  tx: Queries,
  deps: { readonly keys: CodeKeys; readonly makeId: MakeId },
  userId: string,
  now: Date,
): Promise<readonly string[] | undefined> {
  const existing = await countRecoveryCodes(tx, userId);
  return existing === undefined ? makeRecoveryCodes(tx, deps, userId, now) : undefined;
}

/** The HMACs that a typed code may be stored as, under the current and the retired keys; null for text that is no code. */
export function recoveryCodeHashes(keys: CodeKeys, userId: string, typed: string): readonly Buffer[] | null {
  const code = parseRecoveryCode(typed);
  return code === null ? null : keys.keyIds('recovery').map((keyId) => hashOf(keys, userId, code, keyId));
}

/** Uses a code of this user. Returns false when there is none with one of these HMACs, or it was used already. */
export async function useRecoveryCode(
  tx: Queries,
  { userId, hashes }: { readonly userId: string; readonly hashes: readonly Buffer[] },
  now: Date,
): Promise<boolean> {
  return (await tx.row(use, { userId, hashes: [...hashes], now })) !== undefined;
}

/** How many codes are left, and when they were made; undefined for a user who never had one. */
export async function countRecoveryCodes(
  queries: Queries,
  userId: string,
): Promise<{ readonly unused: number; readonly createdAt: Date } | undefined> {
  const row = await queries.row(count, { userId });
  return row === undefined || row.createdAt === null ? undefined : { unused: row.unused, createdAt: row.createdAt };
}

/** Deletes every code of the user. */
export async function deleteRecoveryCodes(tx: Queries, userId: string): Promise<void> {
  await tx.run(deleteAll, { userId });
}

function hashOf(keys: Pick<Keys, 'mac'>, userId: string, code: string, keyId: string): Buffer {
  return keys.mac('recovery', `${userId} ${code}`, keyId);
}
