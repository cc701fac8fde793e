import type { Clock } from '#kernel/clock.ts';
import { type BoundedCache, boundedCache } from '#platform/bounded-cache/index.ts';
import { type Charge, nameOf, windowMsOf } from './quota.ts';
import type { Charges, Window } from './window-store.ts';

/** Only a flood of addresses has more keys. The least recently used keys are evicted. */
const defaultMaxKeys = 100_000;

/** The counter of one key in its current window. */
export interface Counter {
  hits: number;
  /** Milliseconds since the epoch, by the clock of this process. */
  endsAtMs: number;
  /** The part of `hits` that was counted here and not yet in the shared store. */
  unsent: number;
}

/**
 * The windows of this process, bounded in number. It is not a `Map`, because finding the oldest key of a `Map` scans the
 * entries deleted before it: that took 133 s for a million addresses.
 */
export class MemoryWindows {
  readonly #counters: BoundedCache<string, Counter>;
  readonly #clock: Clock;

  constructor(clock: Clock, maxKeys: number = defaultMaxKeys) {
    this.#clock = clock;
    this.#counters = boundedCache(maxKeys);
  }

  get size(): number {
    return this.#counters.size;
  }

  /** The counter of the current window; a new one if there is none or it has ended. */
  open(charge: Charge, nowMs: number): Counter {
    const name = nameOf(charge);
    const known = this.#counters.get(name);
    const windowMs = windowMsOf(charge);
    if (known !== undefined && known.endsAtMs > nowMs && known.endsAtMs <= nowMs + 2 * windowMs) return known;
    const counter = { hits: 0, endsAtMs: nowMs + windowMs, unsent: 0 };
    this.#counters.set(name, counter);
    return counter;
  }

  /** As `WindowStore.take`. */
  take(charges: Charges, n: number): Window[] {
    const nowMs = this.#clock.now().getTime();
    const opened = charges
      .filter((charge) => charge !== undefined)
      .map((charge) => ({ limit: charge.quota.limit, counter: this.open(charge, nowMs) }));
    const windows = opened.map(({ limit, counter }) => ({ isGranted: n < 0 || counter.hits < limit, counter }));
    const isGranted = windows.every((window) => window.isGranted);
    for (const { counter } of isGranted ? opened : []) {
      const hits = Math.max(0, counter.hits + n);
      counter.unsent += hits - counter.hits;
      counter.hits = hits;
    }
    return windows.map(({ isGranted, counter }) => ({
      isGranted,
      hits: counter.hits,
      restMs: counter.endsAtMs - nowMs,
    }));
  }
}
