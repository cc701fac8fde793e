/** Which ids of a sequence were seen, as far as it matters: up to where none is missing. */

/** Ids come from one sequence, so every id below the highest was given to somebody before, and may still be committed. */
export class SeenIds {
  #complete = 0;
  /** Seen above the first that is missing. */
  readonly #beyond = new Set<number>();

  add(id: number): void {
    if (id > this.#complete) this.#beyond.add(id);
  }

  /** The id up to which nothing can be new, given that everything up to `settled` is: what is missing there never comes. */
  completeFrom(settled: number): number {
    if (settled > this.#complete) {
      this.#complete = settled;
      for (const id of this.#beyond) if (id <= settled) this.#beyond.delete(id);
    }
    while (this.#beyond.delete(this.#complete + 1)) this.#complete += 1;
    return this.#complete;
  }

  /** How many ids are kept; the read goes over as many again. */
  get kept(): number {
    return this.#beyond.size;
  }
}
