/** Lowers the priority of the threads that compute password hashes and collect garbage. */
import { readdirSync, readFileSync } from 'node:fs';
import { lowerPriority } from '#platform/thread-priority/index.ts';

/**
 * Lowers the priority of this process's thread pool and of V8's threads. Otherwise as many threads as there are cores compute
 * hashes, or mark objects, and the event loop waits for a core (invariant 14, ADR 0050). The pool must have been used before the
 * call, because its threads are created at first use.
 */
export function lowerPoolThreads(): void {
  if (process.platform !== 'linux') return;
  for (const thread of readdirSync('/proc/self/task')) {
    if (worksInBackground(thread)) lowerPriority(Number(thread));
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
