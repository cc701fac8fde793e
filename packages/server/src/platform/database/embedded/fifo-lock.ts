/**
 * A first-in-first-out lock for the one connection of the embedded database: a transaction holds it alone, single
 * statements pass together. Without it a neighbour's statement lands inside a transaction and is rolled back with it,
 * silently.
 */

interface Waiter {
  readonly alone: boolean;
  enter(): void;
}

/** Lends one connection: to any number of single statements, or to one transaction. */
export class FifoLock {
  readonly #queue: Waiter[] = [];
  #held = false;

  /** Runs `send` now, or after everything that asked before. It need not be awaited before the next one is sent. */
  together<T>(send: () => Promise<T>): Promise<T> {
    if (!this.#held && this.#queue.length === 0) return send();
    return new Promise((resolve, reject) => {
      this.#queue.push({ alone: false, enter: () => send().then(resolve, reject) });
    });
  }

  /**
   * Runs `work` while nothing else may begin. What was sent before may still be unanswered: on one connection the order
   * of sending is the order of running. `work` must send its first statement synchronously.
   */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        alone: true,
        enter: () => {
          this.#held = true;
          work()
            .finally(() => {
              this.#held = false;
              this.#admit();
            })
            .then(resolve, reject);
        },
      });
      this.#admit();
    });
  }

  #admit(): void {
    while (!this.#held) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      next.enter();
    }
  }
}
