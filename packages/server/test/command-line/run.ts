import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { runCommand } from '#app/cli/run-command.ts';
import { OperatorError } from '#app/operator-error.ts';
import { loadConfig } from '#config/index.ts';
import type { CommandIo } from '#platform/control-socket/index.ts';
import { readSecrets } from '#platform/secret-stores/index.ts';
import { launcher, root, type Settings } from '../../../../e2e/support/program.ts';

export type CommandResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs one command in a process of its own, with `input` on its standard input. */
export async function runLatchkey(argv: readonly string[], settings: Settings, input = ''): Promise<CommandResult> {
  const child = start([process.execPath, launcher, ...argv], settings);
  // A command that reads no input may exit before the write.
  child.stdin.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

/** Runs one command in this process, which opens and closes the services of the command as its own process would. */
export async function runHere(argv: readonly string[], settings: Settings, input = ''): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' };
  const io: CommandIo = {
    isTerminal: false,
    columns: undefined,
    out: (part) => {
      output.stdout += part;
    },
    err: (part) => {
      output.stderr += part;
    },
    drained: async () => undefined,
    readSecret: async () => undefined,
    readInput: async () => input,
  };
  const code = await runCommand({ argv, io, loadConfig: () => configOf(settings) });
  return { code, ...output };
}

async function configOf(settings: Settings) {
  const env = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const loaded = await loadConfig({ env, files: () => ({ kind: 'absent' }), cwd: root, stores: readSecrets });
  if (loaded.kind === 'ok') return loaded.config;
  throw new OperatorError(loaded.mistakes.join('\n'), 78);
}

/** Runs one command on a terminal and types a response to each prompt; `stdout` is the screen. */
export async function runOnTerminal(
  argv: readonly string[],
  settings: Settings,
  responses: readonly (readonly [prompt: string, typed: string])[],
): Promise<CommandResult> {
  const line = [process.execPath, launcher, ...argv].map((word) => `'${word}'`).join(' ');
  const child = start(['script', '--quiet', '--return', '--command', line, '/dev/null'], settings);
  const pending = [...responses];
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    screen += part;
    const [prompt, typed] = pending[0] ?? [];
    if (prompt === undefined || !screen.endsWith(prompt)) return;
    pending.shift();
    child.stdin.write(typed);
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  return { code, stdout: screen, stderr };
}

function start(command: readonly string[], settings: Settings) {
  const [file = '', ...parameters] = command;
  const defined = Object.entries(settings).filter(([, value]) => value !== undefined);
  const { PATH = '' } = process.env;
  return spawn(file, parameters, { cwd: root, env: { PATH, ...Object.fromEntries(defined) } });
}
