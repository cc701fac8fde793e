/**
 * Merges locally counted classes across processes: every few seconds, in the background, a process adds its new counts to
 * the shared counters and takes over the sums. No request waits for it.
 * Example with a quota of 100: A has counted 60 and B 60. A merges (shared 60), B merges (shared 120, so B rejects), and A
 * rejects after its next merge, at the latest 5 s later.
 */
import type { Counter } from './memory-counters.ts';
import type { SharedCounters } from './shared-counters.ts';

/** The delay of the sums: a twelfth of the shortest default window of these classes, one minute. */
export const mergeSeconds = 5;

/** Keys per statement or script. They block this process and Redis for 2 to 4 ms. */
const keysPerBatch = 250;
/** Keys per merge; the others wait for the next merge. */
const maxKeysPerMerge = 2000;
/** Keys in the queue. Against a flood from more addresses than this, limits per key do not help. */
const maxQueued = 10_000;

export class Merging {
  readonly #shared: SharedCounters;
  readonly #onAvailable: (available: boolean, error?: unknown) => void;
  #queue: Counter[] = [];
  #isMerging = false;
  #available = true;

  constructor(dependencies: {
    readonly shared: SharedCounters;
    /** Called when merging starts to fail, and when it succeeds again. */
    readonly onAvailable: (available: boolean, error?: unknown) => void;
  }) {
    this.#shared = dependencies.shared;
    this.#onAvailable = dependencies.onAvailable;
  }

  /** Queues a counter for the next merge. */
  enqueue(counter: Counter): void {
    if (this.#queue.length >= maxQueued) return;
    counter.isQueued = true;
    this.#queue.push(counter);
  }

  /**
   * Merges the queued counters, those with the most new counts first. It sends nothing when the queue is empty.
   * Never rejects: after a failure the counts remain queued for the next merge. If only the response was lost, they are
   * added twice.
   */
  async merge(nowMs: number): Promise<void> {
    if (this.#isMerging || this.#queue.length === 0) return;
    this.#isMerging = true;
    const chosen = this.#choose(nowMs);
    try {
      while (chosen.length > 0) {
        await this.#mergeBatch(chosen.slice(0, keysPerBatch), nowMs);
        chosen.splice(0, keysPerBatch);
        this.#noteAvailable(true);
      }
    } catch (error) {
      this.#noteAvailable(false, error);
    } finally {
      this.#queue.push(...chosen);
      this.#isMerging = false;
    }
  }

  /** Removes the counters of this merge from the queue. */
  #choose(nowMs: number): Counter[] {
    const open = this.#queue.filter(({ endsAtMs }) => endsAtMs > nowMs).sort((a, b) => b.unmerged - a.unmerged);
    const chosen = new Map<string, Counter>();
    // A key that was evicted and used again has two counters, but a statement may update a row only once.
    this.#queue = open.filter((counter) => {
      if (chosen.size === maxKeysPerMerge || chosen.has(counter.name)) return true;
      chosen.set(counter.name, counter);
      return false;
    });
    return [...chosen.values()];
  }

  async #mergeBatch(counters: readonly Counter[], nowMs: number): Promise<void> {
    const additions = counters.map(({ name, unmerged, endsAtMs }) => ({ name, hits: unmerged, endsAtMs }));
    const windows = await this.#shared.merge(additions, nowMs);
    for (const [index, counter] of counters.entries()) {
      const { hits, endsAtMs } = windows[index] ?? counter;
      counter.unmerged -= additions[index]?.hits ?? 0;
      // The shared counter may have been lost (a crash of PostgreSQL empties the unlogged table); this one was not.
      counter.hits = Math.max(counter.hits, hits + counter.unmerged);
      counter.endsAtMs = endsAtMs;
      counter.isQueued = false;
      // Uses counted during the merge are merged next time.
      if (counter.unmerged > 0) this.enqueue(counter);
    }
  }

  #noteAvailable(available: boolean, error?: unknown): void {
    if (available === this.#available) return;
    this.#available = available;
    this.#onAvailable(available, error);
  }
}
