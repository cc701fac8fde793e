import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

/** The root directory of the repository. */
export const root = resolve(import.meta.dirname, '../..');

/** The executable that operators start. */
export const launcher = join(root, 'bin', 'latchkey.cjs');

/** Environment variables; undefined removes one. */
export type Settings = Readonly<Record<string, string | undefined>>;

export type ExitStatus = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A program in a process of its own. */
export type Program = {
  readonly pid: number;
  /** The output so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly hasExited: () => boolean;
  /** Resolves when the program has exited. */
  readonly exited: Promise<ExitStatus>;
  signal(name: NodeJS.Signals): void;
};

const running = new Set<ChildProcess>();

// An aborted test run must not leave servers behind that hold ports and data directories.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A program and its parameters. */
export type Command = readonly [string, ...string[]];

/** Starts a program; with `group` in a process group of its own, as under a terminal or an init system. */
export function startProgram(
  [file, ...parameters]: Command,
  settings: Settings = {},
  options: { readonly group?: boolean; readonly directory?: string } = {},
): Program {
  const child = spawn(file, parameters, {
    cwd: options.directory ?? root,
    env: environmentOf(settings),
    detached: options.group === true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const exited = watchExit(child);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} did not start`);
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  return { pid, stdout, stderr, hasExited, exited, signal: (name) => child.kill(name) };
}

/** Runs one `latchkey` command until it exits. */
export async function runCommand(
  parameters: readonly string[],
  settings: Settings = {},
): Promise<ExitStatus & { readonly stdout: string; readonly stderr: string }> {
  const program = startProgram([process.execPath, launcher, ...parameters], { NODE_ENV: 'test', ...settings });
  const status = await program.exited;
  return { ...status, stdout: program.stdout(), stderr: program.stderr() };
}

async function watchExit(child: ChildProcess): Promise<ExitStatus> {
  // `close` follows the last byte of output; `exit` may precede it.
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  running.delete(child);
  return { code, signal };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (part: string) => {
    text += part;
  });
  return () => text;
}

/** Settings of the shell must not affect the server under test. */
const isolated = /^(?:LATCHKEY_|DATABASE_|SMTP_|REDIS_|TEST_|VITEST|NODE_ENV$|NODE_OPTIONS$|NODE_V8_COVERAGE$|npm_)/;

function environmentOf(settings: Settings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !isolated.test(name));
  const defined = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...inherited, ...defined]);
}
