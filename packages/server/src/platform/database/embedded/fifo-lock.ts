/**
 * A first-in-first-out lock for the one connection of the embedded database: a transaction holds it alone, single
 * statements share it. Without it a statement of another caller could run inside a transaction and be rolled back with
 * it, without an error.
 */

interface Waiter {
  readonly alone: boolean;
  enter(): void;
}

export class FifoLock {
  readonly #queue: Waiter[] = [];
  #held = false;

  /** Runs `send` now, or after everything that was called before. The next call need not await it. */
  together<T>(send: () => Promise<T>): Promise<T> {
    if (!this.#held && this.#queue.length === 0) return send();
    return new Promise((resolve, reject) => {
      this.#queue.push({ alone: false, enter: () => send().then(resolve, reject) });
    });
  }

  /**
   * Runs `work` while nothing else can start. Earlier statements may be unanswered: on one connection, statements run
   * in the order in which they are sent. `work` must send its first statement synchronously.
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
