import type { Addition, Charge, Standing } from './quota.ts';
import type { RefundValues, UseRow, UseValues } from './use-fragments.ts';

/** One or two quotas that one use is counted in, the narrow one first. */
export type Charges = readonly [Charge, Charge?];

/** What came of asking for a use of one or two quotas. */
export interface Taken {
  /** In the order of the charges; those after a refused one were not asked. */
  readonly standings: readonly Standing[];
  /** Which of them is used up; then nothing was counted. */
  readonly refused: number | undefined;
}

/** Counters that all nodes share. The narrow quota comes first; the wide one is only asked when that one has room. */
export interface SharedCounters {
  take(charges: Charges, nowMs: number): Promise<Taken>;
  giveBack(charges: readonly Charge[], nowMs: number): Promise<void>;
  /**
   * Adds what a process has counted by itself, each name once, and answers how these counters stand for all, in the same
   * order. Of two windows the one that began earlier counts. Rejects when nobody can be told: then nothing is known of it.
   */
  merge(additions: readonly Addition[], nowMs: number): Promise<readonly Standing[]>;
  /** When they stand in the database: what a statement of somebody else needs to count by itself. */
  readonly inStatements?: StatementCounters;
}

/** Counting in a statement that has the CTEs of `useFragment` or `refundFragment`. */
export interface StatementCounters {
  valuesOf(charges: Charges, nowMs: number): UseValues;
  /** What came of it; a narrow counter that took a use that the wide one then refused has it back. */
  read(row: UseRow, charges: Charges, nowMs: number): Promise<Taken>;
  returning(charges: Charges, nowMs: number): RefundValues;
}
