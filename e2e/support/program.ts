import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

/** The root of the repository. */
export const root = resolve(import.meta.dirname, '../..');

/** The program itself, as an operator starts it. */
export const launcher = join(root, 'bin', 'latchkey.cjs');

/** Settings by their names in the environment; undefined leaves one out. */
export type Settings = Readonly<Record<string, string | undefined>>;

/** How a program ended. */
export type Revocation = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** A program that runs in a process of its own. */
export type Program = {
  readonly pid: number;
  /** What it has written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly hasEnded: () => boolean;
  /** Answers when it has ended, however it did. */
  readonly ended: Promise<Revocation>;
  signal(name: NodeJS.Signals): void;
};

const running = new Set<ChildProcess>();

// A killed test run must not leave servers behind that hold ports and data directories.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program; its group is its own when `group` is set, as under a terminal or an init system. */
export function startProgram(
  command: readonly [string, ...string[]],
  settings: Settings = {},
  options: { readonly group?: boolean; readonly directory?: string } = {},
): Program {
  const [file, ...parameters] = command;
  const child = spawn(file, parameters, {
    cwd: options.directory ?? root,
    env: environmentOf(settings),
    detached: options.group === true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const ended = watchEnd(child);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} did not start`);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  return { pid, stdout, stderr, hasEnded, ended, signal: (name) => child.kill(name) };
}

/** Runs one command of `latchkey` to its end. */
export async function runCommand(
  parameters: readonly string[],
  settings: Settings = {},
): Promise<Revocation & { readonly stdout: string; readonly stderr: string }> {
  const program = startProgram([process.execPath, launcher, ...parameters], { NODE_ENV: 'test', ...settings });
  const ending = await program.ended;
  return { ...ending, stdout: program.stdout(), stderr: program.stderr() };
}

async function watchEnd(child: ChildProcess): Promise<Revocation> {
  // `close` comes after the last byte of output, `exit` may come before it.
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

/** What the caller's shell says about a server of its own must not reach the one under test. */
const ours = /^(?:LATCHKEY_|DATABASE_|SMTP_|REDIS_|TEST_|VITEST|NODE_ENV$|NODE_OPTIONS$|NODE_V8_COVERAGE$|npm_)/;

function environmentOf(settings: Settings): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries([...inherited, ...given]);
}
