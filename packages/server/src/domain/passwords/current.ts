/** Proving the password again, in a session, before something that a stolen session must not do. */
import { attemptKey, reserveAttemptFragment } from '#domain/attempts/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { PasswordHashes } from './hashes.ts';
import { passwordPlace } from './stored.ts';

const reserved = reserveAttemptFragment();

const reserve = statement('passwords.reserve_attempt_of_user', {
  lane: 'counter',
  sql: `with known as (
      select u.id, p.sealed_phc from users u left join passwords p on p.user_id = u.id where u.id = :userId),
    ${reserved.sql}
    select reserved.failures, known.sealed_phc from reserved left join known on true`,
  params: { userId: 'uuid', ...reserved.params },
  columns: { failures: 'int4', sealedPhc: 'bytea?' },
});

/** What proving takes. */
export interface ProvePassword {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
}

/**
 * Whether this is the user's password. The attempt is counted before the hash is computed (DESIGN §5.2), and in the same
 * counter as a login's: forgive it (`forgiveAttempts`) in the effect that the password was asked for.
 * Somebody without a password has proven nothing, for the same work.
 */
export async function provePassword(deps: ProvePassword, userId: string, password: string): Promise<boolean> {
  const row = await deps.database.row(reserve, {
    userId,
    unknownKey: attemptKey(userId),
    attemptedAt: deps.clock.now(),
  });
  const sealed = row?.sealedPhc ?? undefined;
  const phc = sealed && deps.keys.open('password', sealed, passwordPlace(userId)).toString('utf8');
  return deps.hashes.matches(password, phc);
}
