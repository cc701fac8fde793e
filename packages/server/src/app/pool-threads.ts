/** Lowers the priority of the threads that compute password hashes and collect garbage. */
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * Nice 10 gives a thread about a tenth of a normal thread's share of a contended core, and all of an idle core.
 * Measured on two cores, both hashing, with ten times the possible load: it reduces the median of a session check from
 * 13.5 ms to 2.6 ms.
 */
const niceness = 10;

/**
 * Lowers the priority of this process's thread pool and of V8's threads. Otherwise as many threads as there are cores compute
 * hashes, or mark objects, and the event loop waits for a core (invariant 14, ADR 0050).
 * Only Linux has a priority per thread (setpriority(2), "BUGS"); on other systems nothing changes. The pool must have been
 * used before the call, because its threads are created at first use. It needs no privileges.
 */
export function lowerPoolThreads(): void {
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync('/proc/self/task')) {
    if (worksInBackground(thread)) setPriority(Number(thread), niceness);
  }
}

function worksInBackground(thread: string): boolean {
  try {
    return /^(?:libuv-worker|V8Worker)$/m.test(readFileSync(`/proc/self/task/${thread}/comm`, 'utf8'));
  } catch {
    // The thread ended after the directory was read.
    return false;
  }
}
