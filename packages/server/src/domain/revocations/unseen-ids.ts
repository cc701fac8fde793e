/** The ids of a sequence that were not seen yet, and therefore must be read. */

/** All ids from `first` to `last`. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/**
 * Ids come from one sequence, so each id below the highest was assigned and may still be committed. Stored as ranges:
 * one more than there are gaps, the last one without an end.
 */
export class UnseenIds {
  readonly #runs: Run[] = [{ first: 1, last: Number.MAX_SAFE_INTEGER }];

  /** In order. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** Removes a seen id. Idempotent. */
  add(id: number): void {
    // From the end, because most ids arrive in order.
    const place = this.#runs.findLastIndex(({ first }) => first <= id);
    const run = this.#runs[place];
    if (run === undefined || run.last < id) return;
    const rest = [
      { first: run.first, last: id - 1 },
      { first: id + 1, last: run.last },
    ];
    this.#runs.splice(place, 1, ...rest.filter(({ first, last }) => first <= last));
  }

  /** Removes the missing ids up to `id`: they never arrive. */
  settle(id: number): void {
    const place = this.#runs.findIndex(({ last }) => last > id);
    const run = this.#runs.splice(0, place + 1).at(-1);
    if (run !== undefined) this.#runs.unshift({ first: Math.max(run.first, id + 1), last: run.last });
  }
}
