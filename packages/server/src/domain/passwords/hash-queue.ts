/** Admission control for hashing: so many at once, so many waiting, and the next one is refused at once. */
import { Problem } from '#kernel/problem.ts';

/** Runs tasks `concurrency` at a time, first come, first served. */
export class HashQueue {
  readonly #concurrency: number;
  readonly #capacity: number;
  #running = 0;
  readonly #counts = { computed: 0, refused: 0 };
  readonly #waiting: (() => void)[] = [];

  constructor(options: { readonly concurrency: number; readonly queueLength: number }) {
    this.#concurrency = options.concurrency;
    this.#capacity = options.queueLength;
  }

  /** Tasks that were begun, and those that found the queue full; for metrics. */
  get counts(): Readonly<{ computed: number; refused: number }> {
    return this.#counts;
  }

  /** Tasks that wait for a place; for metrics. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** Runs the task when its turn comes. Throws `Problem('busy')` when the queue is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#concurrency) {
      if (this.#waiting.length >= this.#capacity) {
        this.#counts.refused += 1;
        throw new Problem('busy', { retryAfterSeconds: 1, log: 'the hashing queue is full' });
      }
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
}
