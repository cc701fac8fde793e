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
 * - A window begins with its first use and never moves. A rejected use is not counted, so nothing prolongs a window.
 * - A refund changes only the keys of its own use.
 * - `credential` and `mail` are exact across nodes: Redis or the database counts them, and they survive a crash of our
 *   processes. While a configured Redis is down, each process counts by itself and sends its counts to Redis afterwards.
 * - The other classes are counted in the process and merged with other processes in the background. No request waits for
 *   that, and while it fails each process continues with its own counts.
 * - The number of keys is bounded. Keys contain addresses, so they are stored as HMACs outside the process.
 */
export { DatabaseCounters, deleteEndedWindows } from './database-counters.ts';
export { mergeSeconds } from './merging.ts';
export type { Quota } from './quota.ts';
export {
  type LocalClass,
  type Quotas,
  RateLimits,
  type SharedClass,
} from './rate-limits.ts';
export { RedisCounters, type ScriptRunner } from './redis-counters.ts';
export type { SharedCounters } from './shared-counters.ts';
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
