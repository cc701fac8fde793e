/** A reference in its own process on the system's core. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { onSystemCore } from './cores.ts';

export interface ReferenceProcess<Hello> {
  readonly pid: number;
  /** The first message of the process. */
  readonly ready: Hello;
  /** Sends a message and waits for the reply. */
  request(message: object): Promise<void>;
  stop(): Promise<void>;
}

/** Starts `references/<name>.ts`. */
export async function startReference<Hello>(name: string, parameter: string): Promise<ReferenceProcess<Hello>> {
  const root = resolve(import.meta.dirname, '../..');
  const script = join(root, 'bench/references', `${name}.ts`);
  const [file = '', ...parameters] = onSystemCore([process.execPath, script, parameter]);
  const child = spawn(file, parameters, {
    cwd: root,
    env: { ...process.env, UV_THREADPOOL_SIZE: '3' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [ready] = (await once(child, 'message')) as [Hello];
  return {
    pid: child.pid as number,
    ready,
    request: async (message) => {
      child.send(message);
      await once(child, 'message');
    },
    stop: async () => {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    },
  };
}
