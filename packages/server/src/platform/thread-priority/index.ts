/**
 * The priority of threads that compute beside the event loop.
 *
 * Only Linux has a priority per thread (setpriority(2), "BUGS"); on other systems it would be that of the whole process, so nothing
 * changes there.
 */
import { getPriority, setPriority } from 'node:os';

/**
 * Ten steps of niceness give a thread about a tenth of the share of the event loop on a contended core, and all of an idle core.
 * Measured on two cores, both hashing, with ten times the possible load: it reduces the median of a session check from
 * 13.5 ms to 2.6 ms.
 */
const steps = 10;
const lowest = 19;

/**
 * Lowers the priority of a thread of this process, by default the calling one, relative to the event loop's. An absolute priority
 * would be a higher one in a process that an operator started with a low one, which needs privileges.
 *
 * @param thread its id, as in `/proc/self/task`.
 */
export function lowerPriority(thread = 0): void {
  if (process.platform !== 'linux') return;
  setPriority(thread, Math.min(lowest, getPriority(process.pid) + steps));
}
