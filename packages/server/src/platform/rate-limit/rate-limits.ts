/** Chooses the quotas of a request by the class of its endpoint, and writes the header fields for the client. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#kernel/clock.ts';
import { MemoryCounters } from './memory-counters.ts';
import { Merging } from './merging.ts';
import type { Charge, Quota, WindowState } from './quota.ts';
import type { Charges, SharedCounters, TakeResult } from './shared-counters.ts';
import { type QuotaStatus, SharedUse } from './shared-use.ts';

/** Defaults and reasons: docs/security/limits.md. */
export interface Quotas {
  readonly public: Quota;
  readonly authenticated: Quota;
  readonly admin: Quota;
  /** Failures per address and identifier. */
  readonly credential: Quota;
  /** Failures per address, for all identifiers together. */
  readonly credentialAddress: Quota;
  /** Mails per recipient. */
  readonly mail: Quota;
  /** Mails per requesting address. */
  readonly mailAddress: Quota;
}

/** Classes that are counted in the process and merged later: they limit load, so they need not be exact. */
export type LocalClass = 'public' | 'authenticated' | 'admin';

/** Classes that are exact across nodes: they limit guessing and mail. */
export type SharedClass = 'credential' | 'mail';

interface UseKeys {
  /** From `bucketOf`. */
  readonly address: string;
  /** The account that is being logged in to, or the recipient. */
  readonly identifier: string | undefined;
}

const rememberedBuckets = 1024;

export class RateLimits {
  readonly #quotas: Quotas;
  readonly #shared: SharedCounters;
  readonly #local: MemoryCounters;
  readonly #merging: Merging;
  readonly #clock: Clock;
  readonly #bucketOf: (address: string) => string;
  readonly #buckets = new LRUCache<string, string>({ max: rememberedBuckets });
  readonly #policies: ReadonlyMap<Quota, string>;

  constructor(dependencies: {
    readonly quotas: Quotas;
    readonly shared: SharedCounters;
    readonly clock: Clock;
    /** Maps an address to its bucket: for IPv6, the /64. */
    readonly bucketOf: (address: string) => string;
    /** The maximum number of keys counted in this process. */
    readonly maxLocalKeys?: number;
    /** Called when merging starts to fail, and when it succeeds again. */
    readonly onMergeable?: (mergeable: boolean, error?: unknown) => void;
  }) {
    this.#quotas = dependencies.quotas;
    this.#shared = dependencies.shared;
    this.#clock = dependencies.clock;
    this.#bucketOf = dependencies.bucketOf;
    const onAvailable = dependencies.onMergeable ?? (() => undefined);
    this.#merging = new Merging({ shared: dependencies.shared, onAvailable });
    this.#local = new MemoryCounters(dependencies.maxLocalKeys, (counter) => this.#merging.enqueue(counter));
    this.#policies = new Map(Object.values(dependencies.quotas).map((quota: Quota) => [quota, policyOf(quota)]));
  }

  /**
   * Merges this process's counts with those of other processes; a timer calls it every `mergeSeconds`. It sends nothing
   * unless a key has used a tenth of its quota since. Never rejects.
   */
  merge(): Promise<void> {
    return this.#merging.merge(this.#clock.now().getTime());
  }

  /** Counts one request of a local class. `key` is the user id, or the address bucket without a login. */
  use(name: LocalClass, key: string): QuotaStatus {
    const nowMs = this.#clock.now().getTime();
    const quota = this.#quotas[name];
    const charge = { quota, key };
    const window = this.#local.take(charge, nowMs);
    return window === undefined
      ? this.#refusal(quota, this.#local.read(charge, nowMs), nowMs)
      : this.#admission(quota, window, nowMs);
  }

  /** Prepares a use of a shared class without counting it. Without an identifier only the address is counted. */
  useShared(name: SharedClass, keys: UseKeys): SharedUse {
    const charges = this.#chargesOf(name, keys);
    const describe = ({ windows, refused }: TakeResult, nowMs: number): QuotaStatus => {
      // The first quota (per identifier), since a legitimate client exhausts it first.
      const { quota } = charges[refused ?? 0] as Charge;
      const window = windows[refused ?? 0] as WindowState;
      return refused === undefined ? this.#admission(quota, window, nowMs) : this.#refusal(quota, window, nowMs);
    };
    return new SharedUse({ counters: this.#shared, charges, clock: this.#clock, describe });
  }

  /** The bucket of a client address, as `address` of `useShared` or as `key` of `use`. */
  bucketOf(address: string): string {
    const known = this.#buckets.get(address);
    if (known !== undefined) return known;
    const bucket = this.#bucketOf(address);
    this.#buckets.set(address, bucket);
    return bucket;
  }

  #chargesOf(name: SharedClass, { address, identifier }: UseKeys): Charges {
    const [perIdentifier, perAddress] =
      name === 'credential'
        ? [this.#quotas.credential, this.#quotas.credentialAddress]
        : [this.#quotas.mail, this.#quotas.mailAddress];
    const byAddress = { quota: perAddress, key: address };
    if (identifier === undefined) return [byAddress];
    // Mails are counted per recipient. Failures are counted per address too, so that an attacker cannot lock out a user.
    const key = name === 'credential' ? `${address} ${identifier}` : identifier;
    return [{ quota: perIdentifier, key }, byAddress];
  }

  #admission(quota: Quota, { hits, endsAtMs }: WindowState, nowMs: number): QuotaStatus {
    const remaining = Math.max(0, quota.limit - hits);
    return { headers: this.#headers(quota, remaining, endsAtMs, nowMs), retryAfterSeconds: undefined };
  }

  #refusal(quota: Quota, { endsAtMs }: WindowState, nowMs: number): QuotaStatus {
    return { headers: this.#headers(quota, 0, endsAtMs, nowMs), retryAfterSeconds: secondsUntil(endsAtMs, nowMs) };
  }

  // draft-ietf-httpapi-ratelimit-headers-10 §3 and §4.
  #headers(quota: Quota, remaining: number, endsAtMs: number, nowMs: number): string[] {
    const policy = this.#policies.get(quota) ?? policyOf(quota);
    const rate = `"${quota.name}";r=${remaining};t=${secondsUntil(endsAtMs, nowMs)}`;
    return ['ratelimit-policy', policy, 'ratelimit', rate];
  }
}

function policyOf({ name, limit, windowSeconds }: Quota): string {
  return `"${name}";q=${limit};w=${windowSeconds}`;
}

function secondsUntil(endsAtMs: number, nowMs: number): number {
  return Math.max(1, Math.ceil((endsAtMs - nowMs) / 1000));
}
