/**
 * Loaded into a server by `--import`, it makes every operation cost a share more: it computes hashes for that share of the
 * CPU time that the whole process has used since the last time.
 */
import { createHash } from 'node:crypto';
import { Server } from 'node:http';
import { isMainThread } from 'node:worker_threads';

const share = Number(process.env.BENCH_PLANTED_LOSS ?? 0);
/** Reading the CPU time costs a microsecond. */
const everyRequests = 16;

let requests = 0;
let usedBefore = 0;

function microseconds({ user, system }: NodeJS.CpuUsage): number {
  return user + system;
}

function lose(): void {
  const target = (microseconds(process.cpuUsage()) - usedBefore) * share;
  // Not of this thread: some kernels count that in steps of 4 ms.
  const start = microseconds(process.cpuUsage());
  while (microseconds(process.cpuUsage()) - start < target) createHash('sha256').update('x'.repeat(1000)).digest();
  usedBefore = microseconds(process.cpuUsage());
}

if (isMainThread && share > 0) {
  const emit = Server.prototype.emit;
  Server.prototype.emit = function (this: Server, event: string | symbol, ...values: unknown[]) {
    requests += event === 'request' ? 1 : 0;
    if (event === 'request' && requests % everyRequests === 0) lose();
    return emit.apply(this, [event, ...values] as Parameters<typeof emit>);
  } as typeof emit;
}
