/** The standard streams of this process as the input and output of a command. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { CommandIo } from './command.ts';

const maxInputLength = 1_000_000;

/** Standard streams may be a terminal, files or pipes. */
export function terminalIo(): CommandIo {
  const { stdin, stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', ignoreClosedPipe);
  return {
    isTerminal: stdout.isTTY === true,
    // A terminal without a size has 0 columns.
    columns: stdout.columns || undefined,
    out: (output) => void stdout.write(output),
    err: (output) => void stderr.write(output),
    drained: async () => {
      if (stdout.writableNeedDrain) await once(stdout, 'drain').catch(ignoreClosedPipe);
    },
    readSecret: async (prompt) => (stdin.isTTY ? promptWithoutEcho(prompt) : undefined),
    readInput: async () => (stdin.isTTY ? undefined : limited(await text(stdin))),
  };
}

/** `latchkey user list | head -1` closes the pipe early, which is not an error. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Resolves with undefined after Ctrl-D or Ctrl-C. An unsettled promise would make Node exit with 13. */
async function promptWithoutEcho(prompt: string): Promise<string | undefined> {
  // readline echoes to its output, so the output discards everything.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  // After readline has the terminal, because the terminal itself would echo earlier input.
  process.stderr.write(prompt);
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  lines.once('line', resolve);
  lines.once('SIGINT', () => resolve(undefined));
  lines.once('close', () => resolve(undefined));
  try {
    return await promise;
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

function limited(input: string): string | undefined {
  return input.length > maxInputLength ? undefined : input;
}
