/** Proving the password again, in a session, before something that a stolen session must not do. */
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

/** What proving takes. */
export interface ProvePassword {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
}

/**
 * Whether this is the user's password. The attempt is counted before the hash is computed (invariant 2), and in the same
 * counter as a login's from a known device, which strangers cannot use up: forgive it (`resetFailedAttempts`) in the effect
 * that the password was asked for. Throws `too_many_requests` when there were too many wrong ones,
 * and `busy`, without having counted, when the queue is full.
 * Somebody without a password has proven nothing, for the same work.
 */
export async function provePassword(deps: ProvePassword, userId: string, password: string): Promise<boolean> {
  const now = deps.clock.now();
  const row = await reserveAttempt(deps, userId, now);
  requireAttempt(row, now);
  const phc = openHash(deps.keys, userId, row?.sealedPhc ?? undefined);
  return deps.hashes.matches(password, phc);
}

async function reserveAttempt({ database, hashes }: ProvePassword, userId: string, now: Date) {
  const place = hashes.hold();
  try {
    return await database.row(reserve, { userId, unknownKey: attemptKey(userId), attemptedAt: now });
  } finally {
    place.release();
  }
}
