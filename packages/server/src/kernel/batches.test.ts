import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Batch, runInBatches } from './batches.ts';
import { Problem } from './problem.ts';

/** A table of due rows; deleting a poisoned one fails with the whole batch. */
function tableOf(rows: number, poisoned: readonly number[]) {
  const table = { rows: Array.from({ length: rows }, (_, row) => row), steps: 0 };
  const step = async ({ limit, skip }: Batch) => {
    table.steps += 1;
    const batch = table.rows.slice(skip, skip + limit);
    if (batch.some((row) => poisoned.includes(row))) throw new Error('poisoned');
    table.rows = table.rows.filter((row) => !batch.includes(row));
    return batch.length;
  };
  return { table, step };
}

describe('runInBatches', () => {
  it('stops at less than a batch', async () => {
    const { table, step } = tableOf(25, []);
    expect(await runInBatches(step, { size: 10 })).toEqual({ done: 25, errors: [] });
    expect(table.steps).toBe(3);
  });

  it('leaves exactly the rows that fail, wherever they are', async () => {
    const poisonedRows = fc.uniqueArray(fc.nat(199), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(poisonedRows, fc.integer({ min: 1, max: 64 }), async (poisoned, size) => {
        const { table, step } = tableOf(200, poisoned);
        const { done, errors } = await runInBatches(step, { size });
        expect(table.rows).toEqual(poisoned.toSorted((a, b) => a - b));
        expect([done, errors.length]).toEqual([200 - poisoned.length, poisoned.length]);
      }),
    );
  });

  it('gives up after ten errors, when the rows are not the reason', async () => {
    let calls = 0;
    const fails = async () => {
      calls += 1;
      throw new Error('every row fails');
    };
    expect((await runInBatches(fails, { size: 10_000 })).errors).toHaveLength(10);
    expect(calls).toBe(140);
  });

  it.each(['unavailable', 'outcome_unknown'] as const)('sends no second statement after %s', async (code) => {
    let calls = 0;
    const fails = async () => {
      calls += 1;
      throw new Problem(code);
    };
    expect((await runInBatches(fails, { size: 10_000 })).errors).toMatchObject([{ code }]);
    expect(calls).toBe(1);
  });

  it('is bounded when rows become due as fast as they are done', async () => {
    expect(await runInBatches(async ({ limit }) => limit, { size: 5 })).toEqual({ done: 5000, errors: [] });
  });

  it('stops when it is aborted', async () => {
    const abort = new AbortController();
    const step = async ({ limit }: Batch) => {
      abort.abort();
      return limit;
    };
    expect(await runInBatches(step, { size: 5, signal: abort.signal })).toEqual({ done: 5, errors: [] });
  });
});
