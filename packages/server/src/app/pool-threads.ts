/** The threads that hash get what requests leave. */
import { readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';

/**
 * A tenth of the share of an ordinary thread where both want the same core, and all of it where nobody else does.
 * On two cores with both hashing and ten times as much offered, it takes the median of a session check from 13.5 ms to 2.6.
 */
const niceness = 10;

/**
 * Lowers the priority of this process's thread pool: without it as many threads as there are cores compute hashes, and the
 * one that answers everybody waits for its turn behind them (invariant 14). Priorities belong to threads on Linux alone
 * (setpriority(2), "BUGS"), so elsewhere nothing changes; the pool must have been used before, or it has no threads yet.
 * Needs no privilege.
 */
export function lowerPoolThreads(): void {
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync('/proc/self/task')) {
    if (isOfPool(thread)) setPriority(Number(thread), niceness);
  }
}

function isOfPool(thread: string): boolean {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').startsWith('libuv-worker');
  } catch {
    // A thread of V8 that ended meanwhile.
    return false;
  }
}
