import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { launcher, root, type Settings } from '../../../../e2e/support/program.ts';

/** How a command ended, and what it said. */
export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs one command to its end in a process of its own, with `input` on its standard input. */
export async function latchkey(argv: readonly string[], settings: Settings, input = ''): Promise<Ran> {
  const child = start([process.execPath, launcher, ...argv], settings);
  // A command that needs no input may be gone before it is written.
  child.stdin.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

/** Runs one command on a terminal, where a person types an answer to each prompt; what they see is `stdout`. */
export async function onTerminal(
  argv: readonly string[],
  settings: Settings,
  answers: readonly (readonly [prompt: string, typed: string])[],
): Promise<Ran> {
  const line = [process.execPath, launcher, ...argv].map((word) => `'${word}'`).join(' ');
  const child = start(['script', '--quiet', '--return', '--command', line, '/dev/null'], settings);
  const waiting = [...answers];
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    seen += part;
    const [prompt, typed] = waiting[0] ?? [];
    if (prompt === undefined || !seen.endsWith(prompt)) return;
    waiting.shift();
    child.stdin.write(typed);
  });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
  return { code, stdout: seen, stderr };
}

function start(command: readonly string[], settings: Settings) {
  const [file = '', ...parameters] = command;
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  const { PATH = '' } = process.env;
  return spawn(file, parameters, { cwd: root, env: { PATH, ...Object.fromEntries(given) } });
}
