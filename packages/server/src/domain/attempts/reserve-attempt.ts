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

/** How a kind of attempt is delayed after consecutive failures. */
export interface AttemptSchedule {
  /** This many consecutive failures cause no delay, because people mistype. */
  readonly undelayed: number;
  /** The delay after the last undelayed failure; each further failure doubles it. */
  readonly firstDelaySeconds: number;
  /** After this many consecutive failures no attempt is reserved until the counter is reset. */
  readonly maxConsecutive: number;
}

/**
 * Passwords and mailed codes. NIST SP 800-63B-4 §3.2.2 allows at most 100 consecutive failures; against a six-digit code
 * that is a chance of one in ten thousand.
 */
export const passwordSchedule: AttemptSchedule = { undelayed: 5, firstDelaySeconds: 1, maxConsecutive: 100 };

/**
 * Codes of an authenticator and recovery codes: at most eight in the first fifteen minutes, over all logins of a user. A
 * guess meets three valid codes of six digits, so thirty guesses succeed with a chance of 9 in 100,000.
 */
export const secondFactorSchedule: AttemptSchedule = { undelayed: 3, firstDelaySeconds: 15, maxConsecutive: 30 };

const maxDelaySeconds = 15 * 60;

/** SQL: whether the counter `c` allows an attempt now. The undelayed ones skip the time check, because node clocks differ. */
function allowsAttempt({ undelayed, firstDelaySeconds, maxConsecutive }: AttemptSchedule): string {
  const delay = `least(${firstDelaySeconds} * power(2, least(c.failures - ${undelayed}, 20)), ${maxDelaySeconds})`;
  return `c.failures < ${undelayed}
          or c.failures < ${maxConsecutive} and c.last_failed_at + make_interval(secs => ${delay}) <= :attemptedAt`;
}

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
export function reserveAttemptFragment(
  kind: string,
  { when = 'true', schedule = passwordSchedule }: { readonly when?: string; readonly schedule?: AttemptSchedule } = {},
): Fragment<typeof params> {
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
        where ${allowsAttempt(schedule)}
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
  schedule: AttemptSchedule = passwordSchedule,
): number {
  if (row !== undefined && row.attemptNumber !== null) return row.attemptNumber;
  const counter = row ?? { failures: null, lastFailedAt: null };
  throw new Problem('too_many_requests', { retryAfterSeconds: attemptDelaySeconds(counter, now, schedule) });
}

/**
 * Seconds until the next attempt can be reserved, at least 1. At the schedule's maximum no time helps, only another proof
 * or an operator; `Retry-After` is then a day.
 */
export function attemptDelaySeconds(
  { failures, lastFailedAt }: AttemptCounter,
  now: Date,
  { undelayed, firstDelaySeconds, maxConsecutive }: AttemptSchedule = passwordSchedule,
): number {
  if (failures === null || lastFailedAt === null) return 1;
  if (failures >= maxConsecutive) return 24 * 60 * 60;
  const delay = failures < undelayed ? 0 : Math.min(firstDelaySeconds * 2 ** (failures - undelayed), maxDelaySeconds);
  return Math.max(1, Math.ceil((addSeconds(lastFailedAt, delay).getTime() - now.getTime()) / 1000));
}
