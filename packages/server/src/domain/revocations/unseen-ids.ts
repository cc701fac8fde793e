/** Which ids of a sequence were not seen: what is to be asked for. */

/** All ids from `first` to `last`. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/**
 * Ids come from one sequence, so every id below the highest was given to somebody before, and may still be committed. Kept
 * as runs, of which there is one more than there are gaps, and the last has no end.
 */
export class UnseenIds {
  readonly #runs: Run[] = [{ first: 1, last: Number.MAX_SAFE_INTEGER }];

  /** In order. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  /** Notes that an id was seen; again is nothing new. */
  add(id: number): void {
    // From the end: most come in order.
    const place = this.#runs.findLastIndex(({ first }) => first <= id);
    const run = this.#runs[place];
    if (run === undefined || run.last < id) return;
    const rest = [
      { first: run.first, last: id - 1 },
      { first: id + 1, last: run.last },
    ];
    this.#runs.splice(place, 1, ...rest.filter(({ first, last }) => first <= last));
  }

  /** Asks no more for what is missing up to `id`: it never comes. */
  settle(id: number): void {
    const place = this.#runs.findIndex(({ last }) => last > id);
    const run = this.#runs.splice(0, place + 1).at(-1);
    if (run !== undefined) this.#runs.unshift({ first: Math.max(run.first, id + 1), last: run.last });
  }
}
