/** Retries of a registration whose address gets another holder between the read and the transaction. */
import { Problem } from '#kernel/problem.ts';
import type { Database, Queries } from '#platform/database/index.ts';

/** Bounds the retries. */
const maxAttempts = 3;

/** Thrown in the transaction, to roll it back. */
export class HolderChanged extends Error {}

/**
 * Runs `work` in a transaction, and again with the present holder of the address when it throws `HolderChanged`. The holder is
 * read before each transaction, so that the transaction locks the user first.
 *
 * @param first the holder as it was read before the first attempt; undefined for a free address.
 * @throws Problem `busy` when the holder changed at every attempt.
 */
export async function retryWithHolder<H, T>(
  database: Database,
  first: H,
  readAgain: () => Promise<H>,
  work: (tx: Queries, holder: H) => Promise<T>,
): Promise<T> {
  let holder = first;
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    const known = holder;
    try {
      return await database.transaction((tx) => work(tx, known));
    } catch (error) {
      if (!(error instanceof HolderChanged)) throw error;
    }
    holder = await readAgain();
  }
  throw new Problem('busy', { retryAfterSeconds: 1, log: 'the holder of the address changed at every attempt' });
}
