import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections. Each process begins elsewhere and counts up: two processes
 * that ask for any port can get the same one before either listens, and a client then reaches the server of the other.
 */
const lowest = 10_000;
const count = 20_000;
/** Far apart for consecutive process ids. */
const stride = 7919;

let offset = (process.pid * stride) % count;

/** Returns an unused TCP port of 127.0.0.1, another one at each call. */
export async function findFreePort(): Promise<number> {
  for (let tried = 0; tried < count; tried += 1) {
    const port = lowest + offset;
    offset = (offset + 1) % count;
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const listener = createServer().listen(port, '127.0.0.1');
  try {
    await once(listener, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  listener.close();
  await once(listener, 'close');
  return true;
}
