/** A reference in its own process on the system's core. */
import { type ChildProcess, spawn } from 'node:child_process';
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

const root = resolve(import.meta.dirname, '../..');

/** Starts `references/<name>.ts`. */
export function startReference<Hello>(name: string, parameter: string): Promise<ReferenceProcess<Hello>> {
  return startProcess(join(root, 'bench/references', `${name}.ts`), parameter, { UV_THREADPOOL_SIZE: '3' });
}

/** Starts a script whose first message tells that it is ready. */
export async function startProcess<Hello>(
  script: string,
  parameter: string,
  env: Readonly<Record<string, string>>,
): Promise<ReferenceProcess<Hello>> {
  const [file, ...parameters] = onSystemCore([process.execPath, script, parameter]);
  const child = spawn(file, parameters, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ready = await firstMessage<Hello>(child);
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

function firstMessage<Hello>(child: ChildProcess): Promise<Hello> {
  return new Promise((resolveReady, reject) => {
    child.once('message', (message) => resolveReady(message as Hello));
    child.once('exit', (code) => reject(new Error(`the reference exited with ${code}`)));
  });
}
