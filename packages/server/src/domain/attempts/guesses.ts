/** Guesses of what a person remembers or types: counted before they are looked at, and refused while the last one is too near. */
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Fragment } from '#platform/database/index.ts';

/** As many wrong guesses in a row cost no waiting: fingers slip. */
export const freeGuesses = 5;

/**
 * From here on nobody guesses any more until the counter is forgiven: a hundred of a million is one in ten thousand, and
 * NIST SP 800-63B-4 §3.2.2 allows no more than a hundred in a row.
 */
const maxGuesses = 100;

const longestWaitSeconds = 15 * 60;

/** SQL: seconds from the last guess of the counter `c` to the next; 1 after the fifth, then twice as long each time. */
const waitSql = `least(power(2, least(c.failures - ${freeGuesses}, 20)), ${longestWaitSeconds})`;

/** SQL: whether the counter `c` grants a guess now. Free ones ask no clock: those of two nodes are never quite the same. */
const grants = `c.failures < ${freeGuesses}
          or c.failures < ${maxGuesses} and c.last_failed_at + make_interval(secs => ${waitSql}) <= :attemptedAt`;

const params = { unknownKey: 'bytea', attemptedAt: 'timestamptz' } as const;

/**
 * The CTEs `standing` and `reserved`: one more wrong guess for the user in the CTE `known`, or for the unknown identifier
 * (invariant 2). `reserved` has no row when it is too early to guess: then nothing was counted, and `standing` says why.
 * The wait is decided on the locked row, so of many at once only as many pass as the counter still grants.
 *
 * @param kind SQL: the kind of the counter, over `known`.
 * @param options.when SQL: whether anybody may guess at all; where not, nothing is counted.
 */
export function reserveGuessFragment(kind: string, { when = 'true' } = {}): Fragment<typeof params> {
  const key = `coalesce(decode(replace(known.id::text, '-', ''), 'hex'), :unknownKey)`;
  return {
    sql: `counted as (
      select ${kind} as kind, ${key} as key, known.id is not null as known from (select) as one left join known on true),
    standing as (
      select c.failures, c.last_failed_at from attempt_counters c
      where c.kind = (select kind from counted) and c.key = (select key from counted)),
    reserved as (
      insert into attempt_counters as c (kind, key, known, failures, last_failed_at)
      select counted.kind, counted.key, counted.known, 1, :attemptedAt from counted where ${when}
      on conflict (kind, key) do update set 
          failures = c.failures + 1, last_failed_at = greatest(c.last_failed_at, :attemptedAt)
        where ${grants}
      returning failures)`,
    params,
  };
}

/** A counter as it stood before a guess was refused; both are null when somebody else made it meanwhile. */
export interface Standing {
  readonly failures: number | null;
  readonly lastFailedAt: Date | null;
}

/** What a statement with the CTEs of `reserveGuessFragment` selects of them; join both to a row that is always there. */
export const guessFields = 'reserved.failures as counted, standing.failures, standing.last_failed_at';

/** The types of `guessFields`. */
export const guessColumns = { counted: 'int4?', failures: 'int4?', lastFailedAt: 'timestamptz?' } as const;

/** The number of this guess in a row. Throws `too_many_requests` when it is too early for one. */
export function requireAttempt(row: (Standing & { readonly counted: number | null }) | undefined, now: Date): number {
  if (row !== undefined && row.counted !== null) return row.counted;
  const standing = row ?? { failures: null, lastFailedAt: null };
  throw new Problem('too_many_requests', { retryAfterSeconds: guessWaitSeconds(standing, now) });
}

/** Seconds until the next guess is taken, at least 1; a day when only a proof of the mailbox opens the way again. */
export function guessWaitSeconds({ failures, lastFailedAt }: Standing, now: Date): number {
  if (failures === null || lastFailedAt === null) return 1;
  if (failures >= maxGuesses) return 24 * 60 * 60;
  const wait = failures < freeGuesses ? 0 : Math.min(2 ** (failures - freeGuesses), longestWaitSeconds);
  return Math.max(1, Math.ceil((addSeconds(lastFailedAt, wait).getTime() - now.getTime()) / 1000));
}
