import type { LocalClass, QuotaStatus, SharedClass, SharedUse } from '#platform/rate-limit/index.ts';

/** The counters. `key` and `address` are buckets, not the values of the request. */
export interface Limiter {
  use(name: LocalClass, key: string): QuotaStatus;
  /** A use that is reserved and not counted yet. */
  useShared(
    name: SharedClass,
    subject: { readonly address: string; readonly identifier: string | undefined },
  ): SharedUse;
  /** The bucket of an address: of IPv6 its /64. */
  bucketOf(address: string): string;
}
