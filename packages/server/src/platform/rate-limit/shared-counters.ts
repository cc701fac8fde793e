import type { Charge, Standing } from './quota.ts';

/** What came of asking for a use of one or two quotas. */
export interface Taken {
  /** In the order of the charges; those after a refused one were not asked. */
  readonly standings: readonly Standing[];
  /** Which of them is used up; then nothing was counted. */
  readonly refused: number | undefined;
}

/** Counters that all nodes share. The narrow quota comes first; the wide one is only asked when that one has room. */
export interface SharedCounters {
  take(charges: readonly [Charge, Charge?], nowMs: number): Promise<Taken>;
  giveBack(charges: readonly Charge[], nowMs: number): Promise<void>;
}
