import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { highLimits } from '../../packages/server/test/support/high-limits.ts';
import { eventually } from '../../packages/server/test/support/wait.ts';
import { findFreePort } from './free-port.ts';
import { launcher, type Program, type Revocation, type Settings, startProgram } from './program.ts';

/** How a server is to be started. */
export type ServerOptions = {
  /** The embedded database in the data directory, or a PostgreSQL by its connection string. */
  readonly database: 'embedded' | (string & {});
  /** Kept after the end when given; else a new one that goes with the server. */
  readonly dataDirectory?: string;
  /** Without it mail goes to the built-in inbox. */
  readonly smtpUrl?: string;
  /** The origin in links and tokens; nodes of one deployment share it. */
  readonly publicUrl?: string;
  /** Further settings. */
  readonly env?: Settings;
  /** `--no-jobs` and the like. */
  readonly parameters?: readonly string[];
};

/** A server in a process of its own. */
export type RunningServer = {
  /** Where it answers, without a trailing slash. */
  readonly url: string;
  /** The operator's listener. */
  readonly opsUrl: string;
  readonly pid: number;
  readonly dataDirectory: string;
  /** Everything that it has written to its standard output and error. */
  logs(): string;
  hasEnded(): boolean;
  /** Ends it by SIGTERM; answers the exit code. */
  stop(): Promise<number | null>;
  /** Ends it by SIGKILL and waits until it is gone; its data stays when the directory was given. */
  kill9(): Promise<void>;
};

/** A process that only works on jobs. */
export type RunningWorker = Pick<RunningServer, 'pid' | 'logs' | 'hasEnded' | 'stop' | 'kill9'>;

/** One key for all nodes and restarts of this test run. */
const kek = randomBytes(32).toString('base64');

/** The smallest Argon2 that there is: these tests are about what happens around the hash. */
const smallHash: Settings = {
  LATCHKEY_ARGON2_MEMORY_KIB: '8',
  LATCHKEY_ARGON2_TIME: '1',
};

/** The longest that an orderly end may take; the server's own drain is 5 s here. */
const stopMs = 30_000;

/**
 * Starts `latchkey serve`; answers when it is ready.
 *
 * @throws Error with everything that the process wrote, when it ends instead.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const [port, opsPort] = [await findFreePort(), await findFreePort()];
  const url = `http://127.0.0.1:${port}`;
  const dataDirectory = options.dataDirectory ?? makeDirectory();
  const settings = { ...settingsOf(options, dataDirectory, port), LATCHKEY_OPS_PORT: String(opsPort) };
  const command = ['serve', ...(options.parameters ?? [])];
  const program = startProgram([process.execPath, launcher, ...command], settings);
  await untilReady(program, url);
  const tidy = () => options.dataDirectory === undefined && rmSync(dataDirectory, { recursive: true, force: true });
  return { url, opsUrl: `http://127.0.0.1:${opsPort}`, dataDirectory, ...handleOf(program, tidy) };
}

/** Starts `latchkey work` beside servers that were started with `--no-jobs`. */
export async function startWorker(options: ServerOptions): Promise<RunningWorker> {
  const dataDirectory = options.dataDirectory ?? makeDirectory();
  const opsPort = await findFreePort();
  const settings = { ...settingsOf(options, dataDirectory, 0), LATCHKEY_OPS_PORT: String(opsPort) };
  const program = startProgram([process.execPath, launcher, 'work', ...(options.parameters ?? [])], settings);
  const tidy = () => options.dataDirectory === undefined && rmSync(dataDirectory, { recursive: true, force: true });
  return handleOf(program, tidy);
}

/** The settings that a command of the same deployment needs. */
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

/** A new empty directory for a server's data. */
export function makeDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'latchkey-e2e-'));
}

/** Waits until the server is ready. @throws Error with everything that it wrote, when it ends instead. */
export async function untilReady(program: Program, url: string): Promise<void> {
  try {
    await eventually(() => isReady(program, url), { what: `${url}/readyz answers 200`, timeoutMs: 30_000 });
  } catch (error) {
    program.signal('SIGKILL');
    await program.ended;
    throw new Error(`the server is not ready; it wrote:\n${program.stdout()}${program.stderr()}`, { cause: error });
  }
}

/** Whether the server answers 200 on `/readyz` now. */
export async function isReady(program: Pick<Program, 'hasEnded'>, url: string): Promise<boolean> {
  if (program.hasEnded()) throw new Error('the process has ended');
  try {
    const answer = await fetch(`${url}/readyz`);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch (error) {
    // Nobody listens yet, or the database is being started again.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

function handleOf(program: Program, tidy: () => unknown): RunningWorker {
  const end = async (signal: NodeJS.Signals): Promise<Revocation> => {
    if (!program.hasEnded()) program.signal(signal);
    const ending = await eventuallyEnded(program, signal);
    tidy();
    return ending;
  };
  return {
    pid: program.pid,
    logs: () => program.stdout() + program.stderr(),
    hasEnded: program.hasEnded,
    stop: async () => (await end('SIGTERM')).code,
    kill9: async () => {
      await end('SIGKILL');
    },
  };
}

async function eventuallyEnded(program: Program, signal: NodeJS.Signals): Promise<Revocation> {
  try {
    await eventually(program.hasEnded, { what: `the process ends after ${signal}`, timeoutMs: stopMs });
  } catch (error) {
    program.signal('SIGKILL');
    throw new Error(`it wrote:\n${program.stdout()}${program.stderr()}`, { cause: error });
  }
  return await program.ended;
}
