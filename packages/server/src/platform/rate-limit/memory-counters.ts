import { LRUCache } from 'lru-cache';
import { type Charge, nameOf, type WindowState } from './quota.ts';

/** Only a flood of addresses has more keys. The least recently used keys are evicted. */
const defaultMaxKeys = 100_000;

/** A counter is merged with other processes once a tenth (1/10) of its quota is used. */
const mergeDivisor = 10;

/** The counter of one key. */
export interface Counter {
  readonly name: string;
  hits: number;
  /** Milliseconds since the epoch. */
  endsAtMs: number;
  /** The part of `hits` that was counted here and is not yet in the shared counter. */
  unmerged: number;
  /** Whether it is queued for the next merge. */
  isQueued: boolean;
}

/**
 * The counters of this process, bounded in number. It is not a `Map`, because finding the oldest key of a `Map` scans the
 * entries deleted before it: that took 133 s for a million addresses.
 */
export class MemoryCounters {
  readonly #counters: LRUCache<string, Counter>;
  readonly #onBusy: (counter: Counter) => void;

  /** @param onBusy called after a use when a tenth of the quota is used and the counter is not queued. */
  constructor(maxKeys: number = defaultMaxKeys, onBusy: (counter: Counter) => void = () => undefined) {
    this.#counters = new LRUCache({ max: maxKeys });
    this.#onBusy = onBusy;
  }

  get size(): number {
    return this.#counters.size;
  }

  read(charge: Charge, nowMs: number): WindowState {
    const counter = this.#counters.get(nameOf(charge));
    return counter !== undefined && counter.endsAtMs > nowMs
      ? counter
      : { hits: 0, endsAtMs: nowMs + charge.quota.windowSeconds * 1000 };
  }

  /** Counts one use. Returns undefined, and counts nothing, when the quota is exhausted. */
  take(charge: Charge, nowMs: number): WindowState | undefined {
    const name = nameOf(charge);
    const { quota } = charge;
    let counter = this.#counters.get(name);
    if (counter === undefined || counter.endsAtMs <= nowMs) {
      counter = this.#begin(name, 0, nowMs + quota.windowSeconds * 1000);
    } else if (counter.hits >= quota.limit) {
      return undefined;
    }
    counter.hits += 1;
    counter.unmerged += 1;
    if (!counter.isQueued && counter.hits * mergeDivisor >= quota.limit) this.#onBusy(counter);
    return counter;
  }

  /** Refunds one use if its window has not ended. */
  refund(charge: Charge, nowMs: number): void {
    const counter = this.#counters.get(nameOf(charge));
    if (counter !== undefined && counter.endsAtMs > nowMs && counter.hits > 0) counter.hits -= 1;
  }

  /** Sets a counter to the state of the shared one. */
  set(charge: Charge, { hits, endsAtMs }: WindowState): void {
    this.#begin(nameOf(charge), hits, endsAtMs);
  }

  /** The counters whose window has not ended, by name. */
  *entries(nowMs: number): Generator<readonly [string, WindowState]> {
    for (const [name, counter] of this.#counters.entries()) if (counter.endsAtMs > nowMs) yield [name, counter];
  }

  #begin(name: string, hits: number, endsAtMs: number): Counter {
    const counter = { name, hits, endsAtMs, unmerged: 0, isQueued: false };
    this.#counters.set(name, counter);
    return counter;
  }
}
