import type { Charge, Standing } from './quota.ts';

/** More than this is a flood of addresses; the windows that began first are forgotten first. */
const defaultMaxKeys = 100_000;

interface Counter {
  hits: number;
  endsAtMs: number;
}

/** Counters of this process. A fixed number of them, so that no flood of keys takes memory. */
export class MemoryCounters {
  readonly #counters = new Map<string, Counter>();
  readonly #maxKeys: number;

  constructor(maxKeys: number = defaultMaxKeys) {
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#counters.size;
  }

  /** How a key stands now. */
  read({ quota, key }: Charge, nowMs: number): Standing {
    const counter = this.#counters.get(nameOf(quota.name, key));
    return counter !== undefined && counter.endsAtMs > nowMs
      ? counter
      : { hits: 0, endsAtMs: nowMs + quota.windowSeconds * 1000 };
  }

  /** Counts one use; `undefined` when the quota is used up, and then nothing is counted. */
  take({ quota, key }: Charge, nowMs: number): Standing | undefined {
    const name = nameOf(quota.name, key);
    const counter = this.#counters.get(name);
    if (counter === undefined || counter.endsAtMs <= nowMs) {
      return this.#begin(name, 1, nowMs + quota.windowSeconds * 1000);
    }
    if (counter.hits >= quota.limit) return undefined;
    counter.hits += 1;
    return counter;
  }

  /** Takes one use back, if its window has not ended. */
  giveBack({ quota, key }: Charge, nowMs: number): void {
    const counter = this.#counters.get(nameOf(quota.name, key));
    if (counter !== undefined && counter.endsAtMs > nowMs && counter.hits > 0) counter.hits -= 1;
  }

  /** Writes down what somebody else has counted. */
  set({ quota, key }: Charge, { hits, endsAtMs }: Standing): void {
    const name = nameOf(quota.name, key);
    const counter = this.#counters.get(name);
    if (counter === undefined) {
      this.#begin(name, hits, endsAtMs);
      return;
    }
    counter.hits = hits;
    counter.endsAtMs = endsAtMs;
  }

  #begin(name: string, hits: number, endsAtMs: number): Counter {
    const counter = { hits, endsAtMs };
    // Deleted first, so that the order of the map is that in which windows began.
    this.#counters.delete(name);
    if (this.#counters.size >= this.#maxKeys) {
      const [oldest] = this.#counters.keys();
      if (oldest !== undefined) this.#counters.delete(oldest);
    }
    this.#counters.set(name, counter);
    return counter;
  }
}

function nameOf(quota: string, key: string): string {
  return `${quota} ${key}`;
}
