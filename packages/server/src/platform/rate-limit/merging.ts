/**
 * What processes tell each other of the classes that each counts by itself: every few seconds, in the background, each
 * adds what it counted to the counters that all share, and learns the sums. No request waits for it.
 */
import type { Counter } from './memory-counters.ts';
import type { SharedCounters } from './shared-counters.ts';

/** The sum is known so late at most: a twelfth of the shortest window of these classes, a minute. */
export const mergeSeconds = 5;

/** Keys of one statement or script, which take this process and Redis 2 to 4 ms, in which neither answers anybody else. */
const mergedAtOnce = 250;
/** Keys told at a time; the others wait for the next one. */
const mergedAtMost = 2000;
/** Keys that wait to be told. With more than these a flood comes from so many places that no sum of one key stops it. */
const listedAtMost = 10_000;

/** Adds up with other processes. */
export class Merging {
  readonly #shared: SharedCounters;
  readonly #onAvailable: (available: boolean, error?: unknown) => void;
  #listed: Counter[] = [];
  #isMerging = false;
  #available = true;

  constructor(dependencies: {
    readonly shared: SharedCounters;
    /** Called when others can no longer be told, and when they can again. */
    readonly onAvailable: (available: boolean, error?: unknown) => void;
  }) {
    this.#shared = dependencies.shared;
    this.#onAvailable = dependencies.onAvailable;
  }

  /** Lists a counter, so that the next merge tells of it. */
  note(counter: Counter): void {
    if (this.#listed.length >= listedAtMost) return;
    counter.isListed = true;
    this.#listed.push(counter);
  }

  /**
   * Tells what is listed, the busiest first; asks nobody when nothing is. Never rejects: what could not be told is told
   * next time with what has come meanwhile. Where an answer was lost it may be told twice.
   */
  async merge(nowMs: number): Promise<void> {
    if (this.#isMerging || this.#listed.length === 0) return;
    this.#isMerging = true;
    const chosen = this.#choose(nowMs);
    try {
      while (chosen.length > 0) {
        await this.#tell(chosen.slice(0, mergedAtOnce), nowMs);
        chosen.splice(0, mergedAtOnce);
        this.#noteAvailable(true);
      }
    } catch (error) {
      this.#noteAvailable(false, error);
    } finally {
      this.#listed.push(...chosen);
      this.#isMerging = false;
    }
  }

  /** Takes those from the list that are told now, and leaves the others. */
  #choose(nowMs: number): Counter[] {
    const open = this.#listed.filter(({ endsAtMs }) => endsAtMs > nowMs).sort((a, b) => b.untold - a.untold);
    const chosen = new Map<string, Counter>();
    // A key that was forgotten and came back has two counters; a statement can touch a row only once.
    this.#listed = open.filter((counter) => {
      if (chosen.size === mergedAtMost || chosen.has(counter.name)) return true;
      chosen.set(counter.name, counter);
      return false;
    });
    return [...chosen.values()];
  }

  async #tell(counters: readonly Counter[], nowMs: number): Promise<void> {
    const additions = counters.map(({ name, untold, endsAtMs }) => ({ name, hits: untold, endsAtMs }));
    const standings = await this.#shared.merge(additions, nowMs);
    for (const [index, counter] of counters.entries()) {
      const { hits, endsAtMs } = standings[index] ?? counter;
      counter.untold -= additions[index]?.hits ?? 0;
      // Where all have forgotten, as after a crash of PostgreSQL, this process has not.
      counter.hits = Math.max(counter.hits, hits + counter.untold);
      counter.endsAtMs = endsAtMs;
      counter.isListed = false;
      // What came meanwhile is told next time.
      if (counter.untold > 0) this.note(counter);
    }
  }

  #noteAvailable(available: boolean, error?: unknown): void {
    if (available === this.#available) return;
    this.#available = available;
    this.#onAvailable(available, error);
  }
}
