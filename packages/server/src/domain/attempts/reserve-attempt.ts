/**
 * Reserving an attempt: the statement that reads the user also counts the attempt as failed, before the secret is
 * compared. A success deletes the counter afterwards. While the last failure is too recent, no attempt is reserved.
 *
 * Example: five attempts that fail at 12:00:00 are not delayed. Further attempts are reserved at 12:00:01, 12:00:03,
 * 12:00:07, 12:00:15 at the earliest: after 1, 2, 4 and 8 s. The delay doubles up to 15 min.
 */
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Fragment } from '#platform/database/index.ts';

/** This many consecutive failures cause no delay, because people mistype. */
export const undelayedAttempts = 5;

/**
 * After this many consecutive failures no attempt is reserved until the counter is reset. NIST SP 800-63B-4 §3.2.2 allows
 * at most 100; against a six-digit code that is a chance of one in ten thousand.
 */
const maxConsecutiveFailures = 100;

const maxDelaySeconds = 15 * 60;

/** SQL: the delay in seconds after the last failure of the counter `c`: 1 after the fifth, then doubled each time. */
const delaySql = `least(power(2, least(c.failures - ${undelayedAttempts}, 20)), ${maxDelaySeconds})`;

/** SQL: whether the counter `c` allows an attempt now. The first five skip the time check, because node clocks differ. */
const allowsAttempt = `c.failures < ${undelayedAttempts}
          or c.failures < ${maxConsecutiveFailures}
            and c.last_failed_at + make_interval(secs => ${delaySql}) <= :attemptedAt`;

const params = { unknownKey: 'bytea', attemptedAt: 'timestamptz' } as const;

/**
 * The CTEs `attempt_counter` and `reserved`: they count one more failure of the user in the CTE `known`, or of
 * `:unknownKey` when `known` has no row (invariant 2).
 * When the attempt comes too early, `reserved` has no row, nothing is counted, and `attempt_counter` is the counter that
 * delays it. `on conflict` compares under the row lock, so concurrent attempts cannot exceed what the counter allows.
 *
 * @param kind SQL: an `AttemptKind`, computed from `known`.
 * @param options.when SQL: a further condition for reserving the attempt; while it is false nothing is counted.
 */
export function reserveAttemptFragment(kind: string, { when = 'true' } = {}): Fragment<typeof params> {
  const key = `coalesce(decode(replace(known.id::text, '-', ''), 'hex'), :unknownKey)`;
  return {
    sql: `attempt as (
      select ${kind} as kind, ${key} as key, known.id is not null as known from (select) as one left join known on true),
    attempt_counter as (
      select c.failures, c.last_failed_at from attempt_counters c
      where c.kind = (select kind from attempt) and c.key = (select key from attempt)),
    reserved as (
      insert into attempt_counters as c (kind, key, known, failures, last_failed_at)
      select attempt.kind, attempt.key, attempt.known, 1, :attemptedAt from attempt where ${when}
      on conflict (kind, key) do update set 
          failures = c.failures + 1, last_failed_at = greatest(c.last_failed_at, :attemptedAt)
        where ${allowsAttempt}
      returning failures)`,
    params,
  };
}

/** A counter before a refused attempt; both are null when a concurrent statement inserted it after the snapshot. */
export interface AttemptCounter {
  readonly failures: number | null;
  readonly lastFailedAt: Date | null;
}

/** The select list for the CTEs of `reserveAttemptFragment`; left join both CTEs to a row that always exists. */
export const attemptFields =
  'reserved.failures as attempt_number, attempt_counter.failures, attempt_counter.last_failed_at';

/** The column types of `attemptFields`. */
export const attemptColumns = { attemptNumber: 'int4?', failures: 'int4?', lastFailedAt: 'timestamptz?' } as const;

/**
 * Returns the number of the reserved attempt since the last success, from 1.
 *
 * @throws Problem `too_many_requests` when no attempt was reserved.
 */
export function requireAttempt(
  row: (AttemptCounter & { readonly attemptNumber: number | null }) | undefined,
  now: Date,
): number {
  if (row !== undefined && row.attemptNumber !== null) return row.attemptNumber;
  const counter = row ?? { failures: null, lastFailedAt: null };
  throw new Problem('too_many_requests', { retryAfterSeconds: attemptDelaySeconds(counter, now) });
}

/**
 * Seconds until the next attempt can be reserved, at least 1. At `maxConsecutiveFailures` no time helps, only a password
 * reset or an operator; `Retry-After` is then a day.
 */
export function attemptDelaySeconds({ failures, lastFailedAt }: AttemptCounter, now: Date): number {
  if (failures === null || lastFailedAt === null) return 1;
  if (failures >= maxConsecutiveFailures) return 24 * 60 * 60;
  const delay = failures < undelayedAttempts ? 0 : Math.min(2 ** (failures - undelayedAttempts), maxDelaySeconds);
  return Math.max(1, Math.ceil((addSeconds(lastFailedAt, delay).getTime() - now.getTime()) / 1000));
}
