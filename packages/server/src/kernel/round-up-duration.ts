/** Hides how long work takes, for effects whose timing would reveal whether a user exists (invariant 13). */
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Longer than nearly every effect's statement takes, and short compared with a password hash.
 * On a slower database, the share of requests that need a second step is still measurable.
 */
const stepMs = 10;

/**
 * Settles like `work`, at the end of the 10 ms step in which `work` settled: 1 ms and 3 ms both take 10 ms.
 * Use it where responses are equal for known and unknown addresses but effects differ.
 * Each timer runs for a whole step, and the first starts before the work. A timer for the remainder of a step would leak
 * that remainder, because timers round to whole milliseconds.
 */
export async function roundUpDuration<T>(work: () => Promise<T>): Promise<T> {
  let step = pause(stepMs);
  let isDone = false;
  const settled = Promise.allSettled([work()]).finally(() => {
    isDone = true;
  });
  await step;
  while (!isDone) {
    step = pause(stepMs);
    await step;
  }
  const [outcome] = await settled;
  if (outcome.status === 'rejected') throw outcome.reason;
  return outcome.value;
}
