/** The thread of a Go program: see `go-program.ts`. */
import { createRequire } from 'node:module';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { GoReply } from './go-program.ts';

interface Call {
  readonly parameters: readonly unknown[];
  readonly port: MessagePort;
}

const { from, name } = workerData as { readonly from: string; readonly name: string };
// Their modules for `import` call `require`, and work in CommonJS alone.
const functions = createRequire(import.meta.url)(from) as Record<
  string,
  (...parameters: unknown[]) => Promise<unknown>
>;

async function replyTo({ parameters }: Call): Promise<GoReply> {
  try {
    return { value: await functions[name]?.(...parameters) };
  } catch (error) {
    return { error };
  }
}

parentPort?.on('message', (call: Call) => {
  void replyTo(call).then((reply) => call.port.postMessage(reply));
});
