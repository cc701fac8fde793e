import type { Addition, Charge, WindowState } from './quota.ts';
import type { RefundValues, UseRow, UseValues } from './use-fragments.ts';

/**
 * The quotas of one use: per identifier and per address, or per address alone when there is no identifier. In SQL the
 * first one always has the `perIdentifier…` parameters.
 */
export type Charges = readonly [Charge, Charge?];

/** The result of taking one use. */
export interface TakeResult {
  /** In the order of the charges. A charge after the exhausted one may have no window. */
  readonly windows: readonly WindowState[];
  /** The index of the exhausted quota. If there is one, nothing was counted. */
  readonly refused: number | undefined;
}

/** Counters that all nodes share. A use counts against the second quota only if the first one has room. */
export interface SharedCounters {
  take(charges: Charges, nowMs: number): Promise<TakeResult>;
  refund(charges: readonly Charge[], nowMs: number): Promise<void>;
  /**
   * Adds the counts of a process, each name once, and returns the sums in the same order. Of two windows of a key, the one
   * that ends earlier applies. After a rejection it is unknown whether the counts were added.
   */
  merge(additions: readonly Addition[], nowMs: number): Promise<readonly WindowState[]>;
  /** Present if the counters are in the database, where another module's statement can count. */
  readonly inStatements?: StatementCounters;
}

/** Parameters and results of a statement with the CTEs of `useFragment` or `refundFragment`. */
export interface StatementCounters {
  useValuesOf(charges: Charges, nowMs: number): UseValues;
  /** Reads the row. When the second quota was exhausted, it refunds the first one, which was counted. */
  read(row: UseRow, charges: Charges, nowMs: number): Promise<TakeResult>;
  refundValuesOf(charges: Charges, nowMs: number): RefundValues;
}
