import { LRUCache } from 'lru-cache';
import { type Charge, nameOf, type Standing } from './quota.ts';

/** More than this is a flood of addresses; those that have been silent for longest are forgotten first. */
const defaultMaxKeys = 100_000;

/** Of so much of a quota as one part of this is used up, other processes are told (`Merging`). */
const busyPart = 10;

/** One key's counter. */
export interface Counter {
  readonly name: string;
  hits: number;
  /** Milliseconds since the epoch. */
  endsAtMs: number;
  /** Uses among `hits` that were counted here and that no other process has been told of. */
  untold: number;
  /** Whether it waits to be told. */
  isListed: boolean;
}

/**
 * Counters of this process. A fixed number of them, so that no flood of keys takes memory. Not a `Map`: finding its
 * oldest key walks over everything that was deleted before it, which took 133 s for a million addresses.
 */
export class MemoryCounters {
  readonly #counters: LRUCache<string, Counter>;
  readonly #onBusy: (counter: Counter) => void;

  /** @param onBusy called for a use that leaves its counter at a tenth of the quota or more, unless it is listed. */
  constructor(maxKeys: number = defaultMaxKeys, onBusy: (counter: Counter) => void = () => undefined) {
    this.#counters = new LRUCache({ max: maxKeys });
    this.#onBusy = onBusy;
  }

  get size(): number {
    return this.#counters.size;
  }

  /** How a key stands now. */
  read(charge: Charge, nowMs: number): Standing {
    const counter = this.#counters.get(nameOf(charge));
    return counter !== undefined && counter.endsAtMs > nowMs
      ? counter
      : { hits: 0, endsAtMs: nowMs + charge.quota.windowSeconds * 1000 };
  }

  /** Counts one use; `undefined` when the quota is used up, and then nothing is counted. */
  take(charge: Charge, nowMs: number): Standing | undefined {
    const name = nameOf(charge);
    const { quota } = charge;
    let counter = this.#counters.get(name);
    if (counter === undefined || counter.endsAtMs <= nowMs) {
      counter = this.#begin(name, 0, nowMs + quota.windowSeconds * 1000);
    } else if (counter.hits >= quota.limit) {
      return undefined;
    }
    counter.hits += 1;
    counter.untold += 1;
    if (!counter.isListed && counter.hits * busyPart >= quota.limit) this.#onBusy(counter);
    return counter;
  }

  /** Takes one use back, if its window has not ended. */
  giveBack(charge: Charge, nowMs: number): void {
    const counter = this.#counters.get(nameOf(charge));
    if (counter !== undefined && counter.endsAtMs > nowMs && counter.hits > 0) counter.hits -= 1;
  }

  /** Writes down what somebody else has counted. */
  set(charge: Charge, { hits, endsAtMs }: Standing): void {
    this.#begin(nameOf(charge), hits, endsAtMs);
  }

  /** Everything whose window has not ended, by its name. */
  *entries(nowMs: number): Generator<readonly [string, Standing]> {
    for (const [name, counter] of this.#counters.entries()) if (counter.endsAtMs > nowMs) yield [name, counter];
  }

  #begin(name: string, hits: number, endsAtMs: number): Counter {
    const counter = { name, hits, endsAtMs, untold: 0, isListed: false };
    this.#counters.set(name, counter);
    return counter;
  }
}
