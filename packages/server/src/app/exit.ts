/** The end of the process, which nothing that is still running may delay. */
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

/** A reader that does not read must not keep the process. */
const outputMs = 1000;

/** Requests of the thread pool that may take long: reads of pipes and network file systems, and name lookups. */
const poolRequest = /^(FSReq|GetAddrInfoReq|GetNameInfoReq)/;

/** Writes the rest of the output and exits. */
export async function exit(code: number): Promise<never> {
  const written = Promise.all([process.stdout, process.stderr].map(finish));
  await Promise.race([written, pause(outputMs)]);
  const command = [process.execPath, '-e', `process.exit(${code})`];
  // `process.exit` waits for the threads of the pool: a lookup that gets no response held it for as long as the resolver tries.
  if (process.getActiveResourcesInfo().some((name) => poolRequest.test(name)))
    process.execve?.(process.execPath, command);
  process.exit(code);
}

function finish(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}
