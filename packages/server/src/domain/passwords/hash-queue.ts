/** Admission control for hashing (invariant 14): a bounded number of tasks runs, a bounded number waits, others are rejected. */
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { currentSpan } from '#platform/telemetry/index.ts';

/** A reserved slot in the queue. */
export interface Slot {
  /** Frees the slot. A task that is passed to `run` before the caller awaits anything gets it. Idempotent. */
  release(): void;
}

/** Measures how long tasks wait. */
export interface WaitObserver {
  readonly clock: Clock;
  readonly onWait: (seconds: number) => void;
}

/** Runs tasks in the order of arrival, `concurrency` at a time. */
export class HashQueue {
  readonly #concurrency: number;
  readonly #capacity: number;
  readonly #waits: WaitObserver | undefined;
  #running = 0;
  #held = 0;
  readonly #counts = { computed: 0, refused: 0 };
  readonly #waiting: (() => void)[] = [];

  constructor(options: { readonly concurrency: number; readonly queueLength: number; readonly waits?: WaitObserver }) {
    this.#concurrency = options.concurrency;
    this.#waits = options.waits;
    this.#capacity = options.concurrency + options.queueLength;
  }

  /** Tasks that were started and tasks that were rejected, for metrics. */
  get counts(): Readonly<{ computed: number; refused: number }> {
    return this.#counts;
  }

  /** Waiting tasks, for metrics. */
  get depth(): number {
    return this.#waiting.length;
  }

  /**
   * Reserves a slot for a task that needs a database statement first. Without the reservation the statement could count
   * an attempt that is then rejected because the queue is full, and never compared.
   *
   * @throws Problem `busy` when the queue is full.
   */
  hold(): Slot {
    this.#requireSlot();
    this.#held += 1;
    let isHeld = true;
    return {
      release: () => {
        if (isHeld) this.#held -= 1;
        isHeld = false;
      },
    };
  }

  /**
   * Runs the task when the tasks before it have finished.
   *
   * @throws Problem `busy` when the queue is full.
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    this.#requireSlot();
    const span = currentSpan()?.child('internal', 'password.hash', {});
    const startedMs = this.#waits?.clock.monotonicMs() ?? 0;
    if (this.#running >= this.#concurrency) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running += 1;
    }
    const waitedMs = this.#waitedSince(startedMs);
    span?.set({ 'latchkey.wait_ms': waitedMs });
    this.#counts.computed += 1;
    try {
      return await task();
    } finally {
      span?.end();
      // Hands the slot to the next waiting task directly, so that a new task cannot overtake it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** Reports the wait of a task that starts now, and returns its milliseconds. */
  #waitedSince(startedMs: number): number {
    if (this.#waits === undefined) return 0;
    const waitedMs = this.#waits.clock.monotonicMs() - startedMs;
    this.#waits.onWait(waitedMs / 1000);
    return waitedMs;
  }

  #requireSlot(): void {
    if (this.#running + this.#waiting.length + this.#held < this.#capacity) return;
    this.#counts.refused += 1;
    throw new Problem('busy', { retryAfterSeconds: 1, log: 'the hashing queue is full' });
  }
}
