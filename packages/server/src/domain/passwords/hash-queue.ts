/** Admission control for hashing: so many at once, so many waiting, and the next one is refused at once. */
import { Problem } from '#kernel/problem.ts';

/** A place in the queue, taken before it is known whether it is needed. */
export interface Slot {
  /** Gives it back; a task that is run in the same turn of the event loop finds it free. Safe to call twice. */
  release(): void;
}

/** Runs tasks `concurrency` at a time, first come, first served. */
export class HashQueue {
  readonly #concurrency: number;
  readonly #places: number;
  #running = 0;
  #held = 0;
  readonly #counts = { computed: 0, refused: 0 };
  readonly #waiting: (() => void)[] = [];

  constructor(options: { readonly concurrency: number; readonly queueLength: number }) {
    this.#concurrency = options.concurrency;
    this.#places = options.concurrency + options.queueLength;
  }

  /** Tasks that were begun, and those that found the queue full; for metrics. */
  get counts(): Readonly<{ computed: number; refused: number }> {
    return this.#counts;
  }

  /** Tasks that wait for a place; for metrics. */
  get depth(): number {
    return this.#waiting.length;
  }

  /**
   * Takes a place for a task that needs something else first: what is read or counted for a hash that then finds no
   * place was work for nothing, and a guess that was counted and never looked at. Throws `Problem('busy')` when the queue
   * is full.
   */
  hold(): Slot {
    this.#demandRoom();
    this.#held += 1;
    let isHeld = true;
    return {
      release: () => {
        if (isHeld) this.#held -= 1;
        isHeld = false;
      },
    };
  }

  /** Runs the task when its turn comes. Throws `Problem('busy')` when the queue is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    this.#demandRoom();
    if (this.#running >= this.#concurrency) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    this.#counts.computed += 1;
    try {
      return await task();
    } finally {
      // The place goes to the next one directly, so that a newcomer cannot slip in between.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #demandRoom(): void {
    if (this.#running + this.#waiting.length + this.#held < this.#places) return;
    this.#counts.refused += 1;
    throw new Problem('busy', { retryAfterSeconds: 1, log: 'the hashing queue is full' });
  }
}
