/** `before` fails a statement before it is sent, `after` when it has run and its response is lost. */
export type FaultTiming = 'before' | 'after';

/** Triggers once, at the armed statement. */
export class FaultInjector {
  #remaining = Number.POSITIVE_INFINITY;
  #timing: FaultTiming = 'before';
  #triggered = false;
  #inTransaction = false;
  #sent: string[] = [];

  /** Returns what `work` sends: the SQL of simple queries, else the name of the prepared statement. */
  async record<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly sent: readonly string[] }> {
    this.#sent = [];
    const result = await work();
    return { result, sent: [...this.#sent] };
  }

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

  /**
   * Called for each statement; returns the timing of the fault or undefined.
   *
   * @param sent the SQL of a simple query, else the name of the prepared statement.
   */
  next(sent: string): FaultTiming | undefined {
    this.#sent.push(sent);
    if (sent === 'begin') this.#inTransaction = true;
    if (sent === 'commit' || sent === 'rollback') this.#inTransaction = false;
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
