/**
 * The algorithm that every store implements, for one key:
 *
 *     if there is no window, it has ended, or its end is more than two windows away:
 *       begin one with 0 hits
 *     if n > 0 and hits >= limit: refuse
 *     hits = max(0, hits + n)
 *
 * The third condition bounds the harm of a clock that was set back. Every node counts by the database's time
 * (docs/security/time.md).
 */
import type { Charge } from './quota.ts';
import type { RefundValues, UseRow, UseValues } from './use-fragments.ts';

/** The quotas of one use: per identifier and per address, or one quota alone. */
export type Charges = readonly [Charge, Charge?];

/** The window of a charge after `take`. */
export interface Window {
  readonly isGranted: boolean;
  readonly hits: number;
  /** Milliseconds until it ends. */
  readonly restMs: number;
}

/** Counts in memory, in PostgreSQL or in Redis. */
export interface WindowStore {
  /**
   * Takes `n` uses of every charge, or of none if one has no room; a negative `n` gives back. Returns the windows in the order
   * of the charges, up to the refused one at least.
   */
  take(charges: Charges, n: number): Promise<readonly Window[]>;
  /** Present if the windows are in the database, where another module's statement can take a use. */
  readonly inStatements?: StatementWindows;
}

/** Parameters and results of a statement with the CTEs of `useFragment` or `refundFragment`. */
export interface StatementWindows {
  useValuesOf(charges: Charges): UseValues;
  /** Reads the row. When the second quota was exhausted, it gives back the first one, which was counted. */
  read(row: UseRow, charges: Charges): Promise<readonly Window[]>;
  refundValuesOf(charges: Charges): RefundValues;
}
