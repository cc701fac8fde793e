/**
 * Failed attempts to prove a password or a code. Owns `attempt_counters`; no routes.
 *
 * Invariants:
 * - The statement that reads the user counts the attempt, before the secret is compared (invariant 2). A crash, a
 *   rollback or twenty concurrent attempts therefore never yield an uncounted attempt.
 * - An address without a user is counted in the same table, under its HMAC, so the response does not reveal whether a
 *   user exists.
 * - Each kind has its own counter. Passwords and second factors from a device that the user has logged in on are counted
 *   apart from all others, so an attacker cannot lock the user out of their own devices.
 *
 * An attempt must not be counted in the transaction of the effect that it leads to: a rollback would undo the count.
 * Only the reset after a success (`resetFailedAttempts`) belongs in that transaction. When the effect of a right secret fails,
 * `UnfinishedAttempts` gives its attempt back.
 */
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Fragment, type Queries, statement } from '#platform/database/index.ts';
import { type AttemptKind, attemptKinds } from './attempt-kinds.ts';

export { type AttemptKind, attemptKinds } from './attempt-kinds.ts';
export { ConcurrentAttempts } from './concurrent-attempts.ts';
export {
  attemptColumns,
  attemptFields,
  passwordSchedule,
  requireAttempt,
  reserveAttemptFragment,
  secondFactorSchedule,
} from './reserve-attempt.ts';
export { giveBackSeconds, type ReservedAttempt, UnfinishedAttempts } from './unfinished-attempts.ts';

/** SQL: every `AttemptKind`; the primary key begins with `kind`, so a lookup by `key` alone has no index. */
const everyKind = `array[${attemptKinds.map((kind) => `'${kind}'`).join(', ')}]`;

const resetParams = { attemptKind: 'text', attemptKey: 'bytea' } as const;

/** The CTE `reset_attempts`: deletes the counter `:attemptKind`, `:attemptKey` if the CTE `from` has a row. */
export function resetFailedAttemptsFragment(from: string): Fragment<typeof resetParams> {
  return {
    sql: `reset_attempts as (
      delete from attempt_counters using ${from} where kind = :attemptKind and key = :attemptKey)`,
    params: resetParams,
  };
}

/** The CTE `deleted_attempts`: deletes every counter of the users whose `id` is in the CTE `from`. */
export function deleteAttemptsFragment(from: string): Fragment<Record<never, never>> {
  return {
    sql: `deleted_attempts as (
      delete from attempt_counters c using ${from}
      where c.kind = any (${everyKind})
        and c.key = decode(replace(${from}.id::text, '-', ''), 'hex'))`,
    params: {},
  };
}

/** The key of a user's counters: the 16 bytes of the user's id. */
export function attemptKey(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex');
}

const readFailures = statement('attempt_counters.read', {
  lane: 'pool',
  sql: `select failures from attempt_counters where kind = 'password' and key = :key`,
  params: { key: 'bytea' },
  columns: { failures: 'int4' },
});

/** Returns the number of wrong passwords from unknown devices since the user's last success. */
export async function countFailures(queries: Queries, userId: string): Promise<number> {
  return (await queries.row(readFailures, { key: attemptKey(userId) }))?.failures ?? 0;
}

const resetFailures = statement('attempt_counters.reset', {
  lane: 'pool',
  sql: `delete from attempt_counters where kind = any (:kinds::text[]) and key = :key`,
  params: { kinds: 'text[]', key: 'bytea' },
  columns: {},
});

/** Deletes the user's counters of these kinds, in the transaction of the effect that a success allows. */
export async function resetFailedAttempts(
  tx: Queries,
  userId: string,
  ...kinds: readonly AttemptKind[]
): Promise<void> {
  await tx.run(resetFailures, { kinds: [...kinds], key: attemptKey(userId) });
}

const deleteOfUser = statement('attempt_counters.delete_user', {
  lane: 'pool',
  sql: `delete from attempt_counters
    where kind = any (${everyKind}) and key = :key`,
  params: { key: 'bytea' },
  columns: {},
});

/** Deletes every counter of an erased user. The table has no foreign key that would cascade. */
export async function deleteAttempts(tx: Queries, userId: string): Promise<void> {
  await tx.run(deleteOfUser, { key: attemptKey(userId) });
}

/**
 * Retention of counters without a user. The deletion is observable, because counters of users are not deleted by age:
 * after five wrong passwords, a pause of this length and one more, the next attempt is delayed only if the address has a
 * user. A month makes that slow. Keeping the counters forever would reveal from a dump which addresses were tried.
 */
const unknownRetentionSeconds = 30 * 24 * 60 * 60;
/** Bounds the table against enumeration of addresses; beyond it the oldest counters are deleted first. */
const maxUnknown = 100_000;

const deleteUnknown = statement('attempt_counters.delete_unknown', {
  lane: 'pool',
  sql: `delete from attempt_counters where (kind, key) in (
    select kind, key from attempt_counters
    where not known and last_failed_at < greatest(:before::timestamptz, (
      select last_failed_at from attempt_counters where not known order by last_failed_at desc
      offset ${maxUnknown} limit 1))
    order by last_failed_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/**
 * Deletes counters without a user that are older than 30 days or exceed `maxUnknown`.
 * Returns the number of deleted counters.
 */
export async function deleteUnknownAttempts(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteUnknown, { before: addSeconds(now, -unknownRetentionSeconds), ...batch });
}
