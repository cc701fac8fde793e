import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { highLimits } from '../../packages/server/test/support/high-limits.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { findFreePort } from './free-port.ts';
import { type Command, type ExitStatus, launcher, type Program, type Settings, startProgram } from './program.ts';

export type ServerOptions = {
  /** The embedded database in the data directory, or a connection string of PostgreSQL. */
  readonly database: 'embedded' | (string & {});
  /** Kept after the stop if given; else a new directory that is deleted with the server. */
  readonly dataDirectory?: string;
  /** Default: mail goes to the built-in inbox. */
  readonly smtpUrl?: string;
  /** The origin in links and tokens; nodes of one deployment share it. */
  readonly publicUrl?: string;
  /** Further settings. */
  readonly env?: Settings;
  /** Command-line arguments such as `--no-jobs`. */
  readonly parameters?: readonly string[];
  /** The root of another checkout, whose release is started. */
  readonly checkout?: string;
  /** The command line that starts this one, for example on a core of its own. */
  readonly wrap?: (command: Command) => Command;
};

export type RunningServer = {
  /** Base URL without a trailing slash. */
  readonly url: string;
  /** Base URL of the operator's listener. */
  readonly opsUrl: string;
  readonly pid: number;
  readonly dataDirectory: string;
  /** The output so far. */
  logs(): string;
  hasExited(): boolean;
  /** Sends SIGTERM; returns the exit code. */
  stop(): Promise<number | null>;
  /** Sends SIGKILL and waits for the exit; a given data directory is kept. */
  kill9(): Promise<void>;
};

/** A process that runs jobs only. */
export type RunningWorker = Pick<RunningServer, 'pid' | 'logs' | 'hasExited' | 'stop' | 'kill9'>;

/** One key-encryption key for all nodes and restarts of a test run. */
const kek = randomBytes(32).toString('base64');

/** The smallest Argon2 parameters, because the hash is not under test. */
const smallHash: Settings = {
  LATCHKEY_ARGON2_MEMORY_KIB: '8',
  LATCHKEY_ARGON2_TIME: '1',
};

/** Changes of `settingsOf` for the mode production, which needs a mail server too. */
export const production: Settings = {
  NODE_ENV: 'production',
  LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
  LATCHKEY_ARGON2_MEMORY_KIB: undefined,
  LATCHKEY_ARGON2_TIME: undefined,
};

/** The maximum time of an orderly stop; the drain is 5 s here. */
const stopMs = 30_000;

/**
 * Starts `latchkey serve` and waits until it is ready.
 *
 * @throws Error with its output when it exits instead.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const [port, opsPort] = [await findFreePort(), await findFreePort()];
  const url = `http://127.0.0.1:${port}`;
  const dataDirectory = options.dataDirectory ?? makeDirectory();
  const settings = { ...settingsOf(options, dataDirectory, port), LATCHKEY_OPS_PORT: String(opsPort) };
  const { checkout, wrap = (command) => command } = options;
  const release = checkout === undefined ? launcher : join(checkout, 'bin', 'latchkey.cjs');
  const program = startProgram(
    wrap([process.execPath, release, 'serve', ...(options.parameters ?? [])]),
    settings,
    checkout === undefined ? {} : { directory: checkout },
  );
  await awaitReady(program, url);
  const removeDirectory = () =>
    options.dataDirectory === undefined && rmSync(dataDirectory, { recursive: true, force: true });
  return { url, opsUrl: `http://127.0.0.1:${opsPort}`, dataDirectory, ...handleOf(program, removeDirectory) };
}

/** Starts `latchkey work` for servers started with `--no-jobs`. */
export async function startWorker(options: ServerOptions): Promise<RunningWorker> {
  const dataDirectory = options.dataDirectory ?? makeDirectory();
  const opsPort = await findFreePort();
  const settings = { ...settingsOf(options, dataDirectory, 0), LATCHKEY_OPS_PORT: String(opsPort) };
  const program = startProgram([process.execPath, launcher, 'work', ...(options.parameters ?? [])], settings);
  const removeDirectory = () =>
    options.dataDirectory === undefined && rmSync(dataDirectory, { recursive: true, force: true });
  return handleOf(program, removeDirectory);
}

/** The settings of commands in the same deployment. */
export function settingsOf(options: ServerOptions, dataDirectory: string, port: number): Settings {
  return {
    NODE_ENV: 'test',
    LATCHKEY_PORT: String(port),
    LATCHKEY_HOST: '127.0.0.1',
    LATCHKEY_PUBLIC_URL: options.publicUrl ?? `http://localhost:${port}`,
    LATCHKEY_DATA_DIR: dataDirectory,
    LATCHKEY_KEK: kek,
    LATCHKEY_DRAIN_SECONDS: '5',
    LATCHKEY_LOG_LEVEL: 'warn',
    DATABASE_URL: options.database === 'embedded' ? undefined : options.database,
    SMTP_URL: options.smtpUrl,
    ...smallHash,
    ...highLimits,
    ...options.env,
  };
}

/** Creates an empty data directory. */
export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'latchkey-e2e-'));
}

/** Waits until the server is ready. @throws Error with its output when it exits instead. */
export async function awaitReady(program: Program, url: string): Promise<void> {
  try {
    await eventually(() => isReady(program, url), { what: `${url}/readyz returns 200`, timeoutMs: 60_000 });
  } catch (error) {
    program.signal('SIGKILL');
    await program.exited;
    throw new Error(`the server is not ready; its output:\n${program.stdout()}${program.stderr()}`, { cause: error });
  }
}

/** Whether `/readyz` returns 200 now. */
export async function isReady(program: Pick<Program, 'hasExited'>, url: string): Promise<boolean> {
  if (program.hasExited()) throw new Error('the process has exited');
  try {
    const response = await fetch(`${url}/readyz`);
    await response.arrayBuffer();
    return response.status === 200;
  } catch (error) {
    // The server is not listening yet, or the database is restarting.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function handleOf(program: Program, removeDirectory: () => unknown): RunningWorker {
  const stopBy = async (signal: NodeJS.Signals): Promise<ExitStatus> => {
    if (!program.hasExited()) program.signal(signal);
    const status = await awaitExit(program, signal);
    removeDirectory();
    return status;
  };
  return {
    pid: program.pid,
    logs: () => program.stdout() + program.stderr(),
    hasExited: program.hasExited,
    stop: async () => (await stopBy('SIGTERM')).code,
    kill9: async () => {
      await stopBy('SIGKILL');
    },
  };
}

async function awaitExit(program: Program, signal: NodeJS.Signals): Promise<ExitStatus> {
  try {
    await eventually(program.hasExited, { what: `the process exits after ${signal}`, timeoutMs: stopMs });
  } catch (error) {
    program.signal('SIGKILL');
    throw new Error(`the output:\n${program.stdout()}${program.stderr()}`, { cause: error });
  }
  return await program.exited;
}
