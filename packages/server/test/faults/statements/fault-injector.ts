/** `before` fails a statement before it is sent, `after` when it has run and its response is lost. */
export type FaultTiming = 'before' | 'after';

/** Triggers once, at the armed statement. */
export class FaultInjector {
  #remaining = Number.POSITIVE_INFINITY;
  #timing: FaultTiming = 'before';
  #triggered = false;
  #inTransaction = false;

  /**
   * Arms the fault for the `point`-th statement from now on, starting at 0.
   * `after` counts only statements outside a transaction: inside one, losing a response is equivalent to not sending
   * the next statement.
   */
  arm(point: number, timing: FaultTiming): void {
    this.#remaining = point;
    this.#timing = timing;
    this.#triggered = false;
    this.#inTransaction = false;
  }

  /** Disarms the fault and returns whether it triggered. */
  disarm(): boolean {
    this.#remaining = Number.POSITIVE_INFINITY;
    return this.#triggered;
  }

  /** Called for each statement; returns the timing of the fault or undefined. `text` is the SQL of a simple query. */
  next(text: string | undefined): FaultTiming | undefined {
    if (text === 'begin') this.#inTransaction = true;
    if (text === 'commit' || text === 'rollback') this.#inTransaction = false;
    if (this.#timing === 'after' && this.#inTransaction) return undefined;
    if (this.#remaining > 0) {
      this.#remaining -= 1;
      return undefined;
    }
    this.#remaining = Number.POSITIVE_INFINITY;
    this.#triggered = true;
    return this.#timing;
  }
}
