/** A file that is made from the source of truth and committed, so that readers of the repository see it. */
export type Generator = {
  readonly name: string;
  /** Writes the file. */
  readonly run: () => Promise<void>;
  /** Answers whether the committed file is what `run` would write. */
  readonly check: () => Promise<boolean>;
};

/** In the order in which they run. */
export const generators: readonly Generator[] = [];
