/** Step-up with the password, before an operation that a stolen session must not be enough for. */
import {
  attemptColumns,
  attemptFields,
  attemptKey,
  requireAttempt,
  reserveAttemptFragment,
} from '#domain/attempts/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { PasswordHashes } from './hashes.ts';
import { openHash } from './open-hash.ts';

const reserved = reserveAttemptFragment(`'password_known_device'`);

const reserve = statement('passwords.reserve_attempt_of_user', {
  lane: 'counter',
  sql: `with known as (
      select u.id, p.sealed_phc from users u left join passwords p on p.user_id = u.id where u.id = :userId),
    ${reserved.sql}
    select ${attemptFields}, known.sealed_phc
    from (select) as one left join reserved on true left join attempt_counter on true left join known on true`,
  params: { userId: 'uuid', ...reserved.params },
  columns: { ...attemptColumns, sealedPhc: 'bytea?' },
});

export interface ProvePassword {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
}

/**
 * Returns whether this is the user's password; for a user without one, false after the same work.
 * The attempt is counted before the hash is computed (invariant 2), in the counter for known devices, which an attacker
 * without a session cannot exhaust. On success the caller resets that counter (`resetFailedAttempts`) in the transaction
 * of the effect.
 *
 * @throws Problem `too_many_requests` after too many failures; `busy`, without counting, when the hash queue is full.
 */
export async function provePassword(deps: ProvePassword, userId: string, password: string): Promise<boolean> {
  const now = deps.clock.now();
  const row = await reserveAttempt(deps, userId, now);
  requireAttempt(row, now);
  const phc = openHash(deps.keys, userId, row?.sealedPhc ?? undefined);
  return deps.hashes.matches(password, phc);
}

async function reserveAttempt({ database, hashes }: ProvePassword, userId: string, now: Date) {
  const slot = hashes.hold();
  try {
    return await database.row(reserve, { userId, unknownKey: attemptKey(userId), attemptedAt: now });
  } finally {
    slot.release();
  }
}
