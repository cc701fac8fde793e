/** Which quotas a request uses, by the class that its endpoint declares, and how it is told. */
import { LRUCache } from 'lru-cache';
import type { Clock } from '#kernel/clock.ts';
import { MemoryCounters } from './memory-counters.ts';
import { Merging } from './merging.ts';
import type { Charge, Quota, Standing } from './quota.ts';
import type { Charges, SharedCounters, Taken } from './shared-counters.ts';
import { type QuotaStatus, SharedUse } from './shared-use.ts';

/** The quotas of all classes (docs/security/limits.md). */
export interface Quotas {
  readonly public: Quota;
  readonly authenticated: Quota;
  readonly admin: Quota;
  /** Failures for one identifier from one address. */
  readonly credential: Quota;
  /** Failures from one address, for whatever identifiers. */
  readonly credentialAddress: Quota;
  /** Mails to one recipient. */
  readonly mail: Quota;
  /** Mails asked for from one address. */
  readonly mailAddress: Quota;
}

/** Classes that each process counts by itself and adds up later: they protect against load, not against guessing. */
export type LocalClass = 'public' | 'authenticated' | 'admin';

/** Classes whose counts every node shares. */
export type SharedClass = 'credential' | 'mail';

/** Who asks, and whom it concerns. */
interface Who {
  readonly address: string;
  readonly identifier: string | undefined;
}

const rememberedBuckets = 1024;

/** All limits of one process. */
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
    /** What counts as one caller: of IPv6 the /64. */
    readonly bucketOf: (address: string) => string;
    /** Keys that are counted in this process at most. */
    readonly maxLocalKeys?: number;
    /** Called when other processes can no longer be told what was counted here, and when they can again. */
    readonly onMergeable?: (mergeable: boolean, error?: unknown) => void;
  }) {
    this.#quotas = dependencies.quotas;
    this.#shared = dependencies.shared;
    this.#clock = dependencies.clock;
    this.#bucketOf = dependencies.bucketOf;
    const onAvailable = dependencies.onMergeable ?? (() => undefined);
    this.#merging = new Merging({ shared: dependencies.shared, onAvailable });
    this.#local = new MemoryCounters(dependencies.maxLocalKeys, (counter) => this.#merging.note(counter));
    this.#policies = new Map(Object.values(dependencies.quotas).map((quota: Quota) => [quota, policyOf(quota)]));
  }

  /**
   * Adds what this process counted by itself to what the others did, and learns their sums; asks nobody when no key has
   * used a tenth of its quota since. Never rejects. To be called every `mergeSeconds`.
   */
  merge(): Promise<void> {
    return this.#merging.merge(this.#clock.now().getTime());
  }

  /** Counts one request of a class that this process counts by itself; `key` is the address or the user. */
  use(name: LocalClass, key: string): QuotaStatus {
    const nowMs = this.#clock.now().getTime();
    const quota = this.#quotas[name];
    const charge = { quota, key };
    const standing = this.#local.take(charge, nowMs);
    return standing === undefined
      ? this.#refusal(quota, this.#local.read(charge, nowMs), nowMs)
      : this.#admission(quota, standing, nowMs);
  }

  /** A use of a class that all nodes share; not counted yet. Without an identifier only the address is counted. */
  useShared(name: SharedClass, who: Who): SharedUse {
    const charges = this.#chargesOf(name, who);
    const describe = ({ standings, refused }: Taken, nowMs: number): QuotaStatus => {
      // The narrow quota is the one that ends first for an honest client.
      const { quota } = charges[refused ?? 0] as Charge;
      const standing = standings[refused ?? 0] as Standing;
      return refused === undefined ? this.#admission(quota, standing, nowMs) : this.#refusal(quota, standing, nowMs);
    };
    return new SharedUse({ counters: this.#shared, charges, clock: this.#clock, describe });
  }

  /** What counts as one caller; the `address` and, for who is not logged in, the `key` of a use. */
  bucketOf(address: string): string {
    const known = this.#buckets.get(address);
    if (known !== undefined) return known;
    const bucket = this.#bucketOf(address);
    this.#buckets.set(address, bucket);
    return bucket;
  }

  #chargesOf(name: SharedClass, { address, identifier }: Who): Charges {
    const [narrow, wide] =
      name === 'credential'
        ? [this.#quotas.credential, this.#quotas.credentialAddress]
        : [this.#quotas.mail, this.#quotas.mailAddress];
    const byAddress = { quota: wide, key: address };
    if (identifier === undefined) return [byAddress];
    // A recipient is one whoever asks; a guess is one for each address, so that nobody locks out another.
    const key = name === 'credential' ? `${address} ${identifier}` : identifier;
    return [{ quota: narrow, key }, byAddress];
  }

  #admission(quota: Quota, { hits, endsAtMs }: Standing, nowMs: number): QuotaStatus {
    const remaining = Math.max(0, quota.limit - hits);
    return { headers: this.#headers(quota, remaining, endsAtMs, nowMs), retryAfterSeconds: undefined };
  }

  #refusal(quota: Quota, { endsAtMs }: Standing, nowMs: number): QuotaStatus {
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
