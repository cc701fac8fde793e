/** Work whose duration must not be seen. */
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Longer than the statement of an effect takes, so that nearly every one ends with the first step; short beside a hash.
 * On a database that takes longer, what is left to see is how often the second is needed.
 */
const stepMs = 10;

/**
 * Does what `work` does, and comes back at the end of the step in which it was done: nobody outside sees whether it took
 * one millisecond or three. For effects that differ by who has an address where the answers do not (invariant 13).
 * Each step's timer starts before the work: one for the rest of the step would tell by its rounding how much that was.
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
