import { once } from 'node:events';
import { createServer } from 'node:net';

/** Returns an unused TCP port of 127.0.0.1. */
export async function findFreePort(): Promise<number> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  listener.close();
  await once(listener, 'close');
  if (address === null || typeof address === 'string') throw new Error('the listener has no port');
  return address.port;
}
