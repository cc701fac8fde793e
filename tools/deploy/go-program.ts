/**
 * Calls packages that are Go programs compiled to WebAssembly. Each gets a thread of its own: they use the same names of the
 * global object, and one that finds there what another has left ends.
 */
import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';

/** The outcome of a call. */
export type GoReply = { readonly value: unknown } | { readonly error: unknown };

/** Returns a function that calls `name` of the package `from`. Parameters and results are copied. */
export function goFunction<P extends readonly unknown[], R>(
  from: string,
  name: string,
): (...parameters: P) => Promise<R> {
  let worker: Worker | undefined;
  return async (...parameters) => {
    if (worker === undefined) {
      worker = new Worker(new URL('go-thread.ts', import.meta.url), { workerData: { from, name } });
      worker.unref();
    }
    const { port1, port2 } = new MessageChannel();
    const replied = once(port1, 'message') as Promise<[GoReply]>;
    worker.postMessage({ parameters, port: port2 }, [port2]);
    const [reply] = await replied;
    port1.close();
    if ('error' in reply) throw reply.error;
    return reply.value as R;
  };
}
