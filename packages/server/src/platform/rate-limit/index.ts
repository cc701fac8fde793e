/**
 * Rate limits in fixed windows (docs/security/limits.md, ADR 0023). It owns the table `rate_limit_counters`.
 *
 * Example: the quota `credential` is 5/15m, and its key is address and identifier.
 *
 *     12:00:00  wrong password    → window 12:00:00 to 12:15:00 begins, 1 of 5
 *     12:02:00  correct password  → counted before the hash (2 of 5), then refunded (1 of 5)
 *     12:03:00  4 wrong passwords → 5 of 5
 *     12:05:00  any attempt       → 429, Retry-After: 600; not counted, still 5 of 5
 *     12:15:00  wrong password    → new window 12:15:00 to 12:30:00, 1 of 5
 *
 * Invariants:
 * - One algorithm (`window-store.ts`) in three stores.
 * - A window begins with its first use and is never prolonged. A rejected use is not counted.
 * - `credential` and `mail` are exact across nodes: PostgreSQL or Redis counts them, and they survive a crash of our
 *   processes. While a configured Redis fails, each process counts by itself and sends its counts with the next use.
 * - The other classes are counted in the process and reported in portions. No request waits for that, and while it fails
 *   each process continues with its own counts.
 * - The number of keys is bounded. Keys contain addresses, so they are stored as HMACs outside the process.
 */
export { DatabaseWindows, deleteEndedWindows, refundWithin } from './database-windows.ts';
export type { Quota } from './quota.ts';
export {
  type LocalClass,
  type Quotas,
  RateLimits,
  type RequestedMail,
  type SharedClass,
} from './rate-limits.ts';
export { RedisWindows, type ScriptRunner } from './redis-windows.ts';
export { noUse, type QuotaReservation, type QuotaStatus, type SharedUse } from './shared-use.ts';
export {
  afterRefund,
  type RefundValues,
  refundFragment,
  refundNothing,
  useColumns,
  useFields,
  useFragment,
  useGranted,
  useJoins,
} from './use-fragments.ts';
export type { WindowStore } from './window-store.ts';
