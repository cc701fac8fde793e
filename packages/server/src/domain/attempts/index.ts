/**
 * Failed attempts in a row. Owns `attempt_counters`.
 * Invariants: an attempt is counted before the hash is computed, by the statement that reads the user (invariant 2), so
 * that neither a crash, nor a rollback, nor twenty at once gives a guess that was not counted; an address without a user
 * is counted under its HMAC in the same table, so that a stranger sees no difference; passwords, second factors and mailed
 * codes count apart, and passwords from devices that the user has logged in on apart from those of strangers, so that
 * nobody can shut somebody else out.
 */
import { addSeconds } from '#kernel/clock.ts';
import { type Database, type Fragment, type Queries, statement } from '#platform/database/index.ts';

export { freeGuesses, guessColumns, guessFields, requireAttempt, reserveGuessFragment } from './guesses.ts';
export { GuessTurns } from './turns.ts';

/** What is counted apart. Stored, so never renamed. In a session the device is known. */
export type AttemptKind = 'password' | 'password_known_device' | 'second_factor' | 'email_code';

/** SQL: every kind, so that the primary key finds all counters of somebody. */
const everyKind = `array['password', 'password_known_device', 'second_factor', 'email_code']`;

const resetParams = { attemptKind: 'text', attemptKey: 'bytea' } as const;

/** The CTE `forgiven`: a login that succeeded takes its attempts of this kind back, if the CTE `from` has a row. */
export function resetFailedAttemptsFragment(from: string): Fragment<typeof resetParams> {
  return {
    sql: `forgiven as (delete from attempt_counters using ${from} where kind = :attemptKind and key = :attemptKey)`,
    params: resetParams,
  };
}

/** The CTE `forgotten`: every counter of the users whose `id` the CTE `from` has, when they go. */
export function forgetAttemptsFragment(from: string): Fragment<Record<never, never>> {
  return {
    sql: `forgotten as (
      delete from attempt_counters c using ${from}
      where c.kind = any (${everyKind})
        and c.key = decode(replace(${from}.id::text, '-', ''), 'hex'))`,
    params: {},
  };
}

/** The key under which a user's attempts are counted. */
export function attemptKey(userId: string): Buffer {
  return Buffer.from(userId.replaceAll('-', ''), 'hex');
}

const readFailures = statement('attempt_counters.read', {
  lane: 'pool',
  sql: `select failures from attempt_counters where kind = 'password' and key = :key`,
  params: { key: 'bytea' },
  columns: { failures: 'int4' },
});

/** How many wrong passwords there were since the user's last right one. */
export async function countFailures(queries: Queries, userId: string): Promise<number> {
  return (await queries.row(readFailures, { key: attemptKey(userId) }))?.failures ?? 0;
}

const forgive = statement('attempt_counters.forgive', {
  lane: 'pool',
  sql: `delete from attempt_counters where kind = any (:kinds::text[]) and key = :key`,
  params: { kinds: 'text[]', key: 'bytea' },
  columns: {},
});

/** What was right takes the user's attempts of its kinds back, in the transaction of what it was asked for. */
export async function resetFailedAttempts(
  tx: Queries,
  userId: string,
  ...kinds: readonly AttemptKind[]
): Promise<void> {
  await tx.run(forgive, { kinds: [...kinds], key: attemptKey(userId) });
}

const forget = statement('attempt_counters.forget_user', {
  lane: 'pool',
  sql: `delete from attempt_counters
    where kind = any (${everyKind}) and key = :key`,
  params: { key: 'bytea' },
  columns: {},
});

/** Every counter of somebody who is erased. */
export async function forgetAttempts(tx: Queries, userId: string): Promise<void> {
  await tx.run(forget, { key: attemptKey(userId) });
}

/**
 * Those of users rest for ever, and whoever tries an address again finds out whether it was forgotten meanwhile, which
 * those of users never are: five wrong passwords, a pause of this length and two more tell who has an account. A month
 * makes that slow; kept for ever, they would tell whoever reads the database which addresses were tried.
 */
const keepUnknownSeconds = 30 * 24 * 60 * 60;
/** More than this is somebody trying addresses; what they tried is forgotten first. */
const maxUnknown = 100_000;

const deleteUnknown = statement('attempt_counters.delete_unknown', {
  lane: 'pool',
  sql: `delete from attempt_counters where (kind, key) in (
    select kind, key from attempt_counters
    where not known and last_failed_at < greatest(:before::timestamptz, (
      select last_failed_at from attempt_counters where not known order by last_failed_at desc
      offset ${maxUnknown} limit 1))
    order by last_failed_at limit 10000)`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** Deletes counters of unknown identifiers that rested for 30 days or are too many. Answers how many went. */
export async function deleteUnknownAttempts(database: Database, now: Date): Promise<number> {
  return database.run(deleteUnknown, { before: addSeconds(now, -keepUnknownSeconds) });
}
