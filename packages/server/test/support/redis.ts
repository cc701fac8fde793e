import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { installPackage } from './debian-packages.ts';
import { eventually } from './wait.ts';

/** A private Redis without persistence; it stops when the process that started it ends. */
export interface TestRedis extends AsyncDisposable {
  readonly url: string;
  /** Sends SIGKILL; the data is lost. */
  kill9(): Promise<void>;
  /** Suspends it (SIGSTOP): connections stay open and receive nothing. A killed one needs no `thaw`. */
  freeze(): void;
  thaw(): void;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a Redis; as root, installs Debian's package when there is none. `more` are further parameters. */
export async function startRedis(more: readonly string[] = []): Promise<TestRedis> {
  const program = provideRedisProgram();
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-redis-'));
  const port = await findFreePort();
  let server: ChildProcess | undefined;
  const start = async () => {
    const parameters = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', directory, ...more];
    const child = spawn(program, parameters, { stdio: 'ignore' });
    running.add(child);
    child.once('exit', () => running.delete(child));
    server = child;
    await eventually(() => respondsToPing(port), { what: 'Redis responds', timeoutMs: 20_000 });
  };
  const kill9 = async () => {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    kill9,
    start,
    freeze: () => void server?.kill('SIGSTOP'),
    thaw: () => void server?.kill('SIGCONT'),
    [Symbol.asyncDispose]: async () => {
      await kill9();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The path of redis-server, which also runs as a sentinel. */
export function provideRedisProgram(): string {
  const found = findProgram();
  if (found !== undefined) return found;
  const need = 'These tests need the program redis-server (Debian: apt-get install redis-server).';
  installPackage({ name: 'redis-server', need });
  const installed = findProgram();
  if (installed === undefined) throw new Error(`${need} Tried: the package "redis-server" brought no such program`);
  return installed;
}

function findProgram(): string | undefined {
  const directories = ['/usr/bin', ...(process.env.PATH ?? '').split(delimiter)];
  return directories.map((directory) => join(directory, 'redis-server')).find((path) => existsSync(path));
}

async function respondsToPing(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [data] = (await once(socket, 'data')) as [Buffer];
    return /^(?:\+PONG|-NOAUTH)/.test(data.toString());
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED') return false;
    throw error;
  } finally {
    socket.destroy();
  }
}
