/** Work on many rows in batches, so that one row that fails stops no other (invariant 22). */

import { Problem } from './problem.ts';

/** Part of the rows that are due, in a fixed order. */
export interface Batch {
  readonly limit: number;
  /** Rows at the start that failed before. */
  readonly skip: number;
}

/** The whole result of one call outside a loop. */
export const wholeBatch: Batch = { limit: 10_000, skip: 0 };

export interface BatchesResult {
  readonly done: number;
  /** One for each row that failed alone. */
  readonly errors: readonly unknown[];
}

/** The size of a whole batch, and a bound for one run; the next run continues. */
interface BatchesOptions {
  readonly size: number;
  readonly maxSteps?: number;
  readonly signal?: AbortSignal;
}

/**
 * Whether an error is that of the database and not of a row: every further statement would fail too, and wait for a
 * connection before.
 */
export function concernsAllRows(error: unknown): boolean {
  return error instanceof Problem && (error.code === 'unavailable' || error.code === 'outcome_unknown');
}

/** More rows in a run fail for a common reason. */
const maxErrors = 10;

/**
 * Calls `step` until it does less than the whole batch. When it throws, the batch is halved until the row that fails is alone;
 * that row is skipped until the next run. Example: of 10,000 rows the seventh fails: 5,000, 2,500 … 9 rows fail, 6 are
 * done, one fails and is skipped, 10,000 are done. While the database is unavailable it stops at the first error.
 *
 * @param step works on the batch, and returns the number of rows that are no longer due.
 */
export async function runInBatches(
  step: (batch: Batch) => Promise<number>,
  { size, maxSteps = 1000, signal }: BatchesOptions,
): Promise<BatchesResult> {
  const errors: unknown[] = [];
  let done = 0;
  let limit = size;
  for (let steps = 0; steps < maxSteps && errors.length < maxErrors && signal?.aborted !== true; steps += 1) {
    try {
      const count = await step({ limit, skip: errors.length });
      done += count;
      if (count < limit) break;
      limit = Math.min(limit * 2, size);
    } catch (error) {
      if (concernsAllRows(error)) return { done, errors: [...errors, error] };
      if (limit === 1) {
        errors.push(error);
        limit = size;
      } else {
        limit = Math.floor(limit / 2);
      }
    }
  }
  return { done, errors };
}
