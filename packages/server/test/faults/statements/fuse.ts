/** Where the way to the database breaks: before the statement is sent, or after it ran and before its answer arrived. */
export type Moment = 'before' | 'after';

/** Blows once, at the statement it was set to. */
export class Fuse {
  #left = Number.POSITIVE_INFINITY;
  #moment: Moment = 'before';
  #blown = false;
  #inTransaction = false;

  /**
   * Blows at the `point`-th statement from now on, the first being 0.
   * `after` counts only statements that leave no transaction open: that the answer of another was lost is, to the
   * database and to the product, the same as that the next one was never sent.
   */
  set(point: number, moment: Moment): void {
    this.#left = point;
    this.#moment = moment;
    this.#blown = false;
    this.#inTransaction = false;
  }

  /** Lets everything pass again; whether it had blown. */
  remove(): boolean {
    this.#left = Number.POSITIVE_INFINITY;
    return this.#blown;
  }

  /** Called for each statement: how the way breaks at this one, or undefined. `text` is that of a bare one. */
  pass(text: string | undefined): Moment | undefined {
    if (text === 'begin') this.#inTransaction = true;
    if (text === 'commit' || text === 'rollback') this.#inTransaction = false;
    if (this.#moment === 'after' && this.#inTransaction) return undefined;
    if (this.#left > 0) {
      this.#left -= 1;
      return undefined;
    }
    this.#left = Number.POSITIVE_INFINITY;
    this.#blown = true;
    return this.#moment;
  }
}
