/**
 * Rate limits (docs/security/limits.md): which quotas a class of endpoints uses, who has used how much of them, and what a client
 * is told. Owns the table `rate_limit_counters`.
 * Invariants: a refused use is not counted, so nobody can prolong a window, their own or another's; a window is counted
 * from its first use by the injected clock; `credential` and `mail` are counted where every node sees them (Redis, else
 * the database) and stay counted when our processes are killed; without Redis, when it was configured, each process
 * counts for itself and tells Redis when it is back; the other classes are counted in each process, which adds them up
 * with the others' in the background, goes on alone when it cannot, and lets no request wait for it; keys are bounded in
 * number and stored as hashes, since they are made of addresses. A use that is given back touches no other key.
 */
export { DatabaseCounters, deleteEndedWindows } from './database-counters.ts';
export { mergeSeconds } from './merging.ts';
export { parseQuota, type Quota } from './quota.ts';
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
