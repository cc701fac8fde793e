/** Chooses the quotas of a request by the class of its endpoint, and writes the header fields for the client. */
import type { Clock } from '#kernel/clock.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import { MemoryWindows } from './memory-windows.ts';
import { Portions } from './portions.ts';
import type { Charge, Quota } from './quota.ts';
import { type QuotaStatus, SharedUse } from './shared-use.ts';
import type { Charges, Window, WindowStore } from './window-store.ts';

/** Defaults and reasons: docs/security/limits.md. */
export interface Quotas {
  readonly public: Quota;
  readonly pages: Quota;
  readonly authenticated: Quota;
  readonly admin: Quota;
  /** Failures per address and identifier. */
  readonly credential: Quota;
  /** Failures per address, for all identifiers together. */
  readonly credentialAddress: Quota;
  /** Mails of one kind per recipient. */
  readonly mail: Quota;
  /** Mails of all kinds per recipient. */
  readonly mailTogether: Quota;
  /** Requests for a mail per requesting address. */
  readonly mailAddress: Quota;
}

/** Classes that are counted in the process and reported later: they limit load, so they need not be exact. */
export type LocalClass = 'public' | 'pages' | 'authenticated' | 'admin';

/** Classes that are exact across nodes: they limit guessing and mail. */
export type SharedClass = 'credential' | 'mail';

interface UseKeys {
  /** From `bucketOf`. */
  readonly address: string;
  /** The account that is being logged in to. */
  readonly identifier: string | undefined;
}

/** A mail that a request of a stranger caused. */
export interface RequestedMail {
  readonly kind: string;
  /** The recipient's address in canonical form. */
  readonly recipient: string;
  /** A device that the recipient has logged in on has quotas of its own, which strangers cannot use up. */
  readonly fromKnownDevice: boolean;
}

const rememberedBuckets = 1024;

export class RateLimits {
  readonly #quotas: Quotas;
  readonly #store: WindowStore;
  readonly #clock: Clock;
  readonly #local: MemoryWindows;
  readonly #portions: Portions;
  readonly #bucketOf: (address: string) => string;
  readonly #buckets = boundedCache<string, string>(rememberedBuckets);
  readonly #policies: ReadonlyMap<Quota, string>;

  constructor(dependencies: {
    readonly quotas: Quotas;
    readonly store: WindowStore;
    readonly clock: Clock;
    /** Maps an address to its bucket: for IPv6, the /64. */
    readonly bucketOf: (address: string) => string;
    /** The maximum number of keys counted in this process. */
    readonly maxLocalKeys?: number;
    /** Called when reports to the store start to fail, and when they succeed again. */
    readonly onReportable?: (reportable: boolean, error?: unknown) => void;
  }) {
    const { quotas, store, clock, bucketOf, maxLocalKeys, onReportable = () => undefined } = dependencies;
    this.#quotas = quotas;
    this.#store = store;
    this.#clock = clock;
    this.#bucketOf = bucketOf;
    this.#local = new MemoryWindows(clock, maxLocalKeys);
    this.#portions = new Portions(store, clock, onReportable);
    this.#policies = new Map(Object.values(quotas).map((quota: Quota) => [quota, policyOf(quota)]));
  }

  /** Counts one request of a local class. `key` is the user id, or the address bucket without a login. */
  use(name: LocalClass, key: string): QuotaStatus {
    const nowMs = this.#clock.now().getTime();
    const quota = this.#quotas[name];
    const charge = { quota, key };
    const counter = this.#local.open(charge, nowMs);
    const isGranted = counter.hits < quota.limit;
    if (isGranted) {
      counter.hits += 1;
      counter.unsent += 1;
      this.#portions.note(charge, counter);
    }
    return this.#statusOf(quota, { isGranted, hits: counter.hits, restMs: counter.endsAtMs - nowMs });
  }

  /** Prepares a use of a shared class without counting it. Without an identifier only the address is counted. */
  useShared(name: SharedClass, keys: UseKeys): SharedUse {
    return new SharedUse(this.#store, this.#chargesOf(name, keys), (charges, windows) => {
      const refused = windows.findIndex(({ isGranted }) => !isGranted);
      // The first quota (per identifier), since a legitimate client exhausts it first.
      const shown = Math.max(0, refused);
      return this.#statusOf((charges[shown] as Charge).quota, windows[shown] as Window);
    });
  }

  /** Counts a mail for its recipient, exactly across nodes. Returns false, and counts nothing, if it must not be sent. */
  async takeMail({ kind, recipient, fromKnownDevice }: RequestedMail): Promise<boolean> {
    const key = fromKnownDevice ? `known-device ${recipient}` : recipient;
    const perKind = { quota: this.#quotas.mail, key: `${kind} ${key}` };
    const windows = await this.#store.take([perKind, { quota: this.#quotas.mailTogether, key }], 1);
    return windows.every(({ isGranted }) => isGranted);
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
    if (name === 'mail') return [{ quota: this.#quotas.mailAddress, key: address }];
    const byAddress = { quota: this.#quotas.credentialAddress, key: address };
    if (identifier === undefined) return [byAddress];
    // Failures of an identifier are counted per address, so that an attacker cannot lock out a user.
    return [{ quota: this.#quotas.credential, key: `${address} ${identifier}` }, byAddress];
  }

  // draft-ietf-httpapi-ratelimit-headers-10 §3 and §4.
  #statusOf(quota: Quota, { isGranted, hits, restMs }: Window): QuotaStatus {
    const policy = this.#policies.get(quota) ?? policyOf(quota);
    const restSeconds = Math.max(1, Math.ceil(restMs / 1000));
    const remaining = isGranted ? Math.max(0, quota.limit - hits) : 0;
    const headers = ['ratelimit-policy', policy, 'ratelimit', `"${quota.name}";r=${remaining};t=${restSeconds}`];
    return { headers, retryAfterSeconds: isGranted ? undefined : restSeconds };
  }
}

function policyOf({ name, limit, windowSeconds }: Quota): string {
  return `"${name}";q=${limit};w=${windowSeconds}`;
}
