import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { eventually } from './wait.ts';

/** A program that listens on a port of 127.0.0.1 until it is disposed of, or the process ends. */
export interface ListeningProgram extends AsyncDisposable {
  readonly port: number;
}

/**
 * Starts a program that needs nothing but files of configuration; resolves when it accepts connections.
 *
 * @param configure writes the files into a directory of the program, and returns its command line.
 */
export async function startListening(
  configure: (port: number, directory: string) => readonly string[],
): Promise<ListeningProgram> {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-program-'));
  // The program may run as another user.
  chmodSync(directory, 0o755);
  const port = await findFreePort();
  const [command = '', ...parameters] = configure(port, directory);
  const child = spawn(command, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const isServing = async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`);
    return takesConnections(port);
  };
  await eventually(isServing, { what: `${command} accepts connections` });
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      process.off('exit', kill);
      const ended = once(child, 'exit');
      kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function takesConnections(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    // Not listening yet.
    return false;
  } finally {
    socket.destroy();
  }
}
