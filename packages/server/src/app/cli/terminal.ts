/** Standard input and output of this process, as a command sees them. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { CommandIo } from './command.ts';

const maxInputLength = 1_000_000;

/** The terminal that started us, or the files and pipes in its place. */
export function terminalIo(): CommandIo {
  const { stdin, stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', ignoreGoneReader);
  return {
    isTerminal: stdout.isTTY === true,
    // A terminal without a size says 0.
    columns: stdout.columns || undefined,
    out: (said) => void stdout.write(said),
    err: (said) => void stderr.write(said),
    drained: async () => {
      if (stdout.writableNeedDrain) await once(stdout, 'drain').catch(ignoreGoneReader);
    },
    readSecret: async (prompt) => (stdin.isTTY ? askWithoutEcho(prompt) : undefined),
    readInput: async () => (stdin.isTTY ? undefined : limited(await text(stdin))),
  };
}

/** `latchkey user list | head -1` is no failure of ours; what was said is said. */
function ignoreGoneReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** Undefined when the answer is Ctrl-D or Ctrl-C: without an end to it the process would wait for nothing and end with 13. */
async function askWithoutEcho(prompt: string): Promise<string | undefined> {
  // readline echoes into its output: one that swallows everything echoes nothing.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  // Only now: what is typed at a prompt before readline has the terminal would be echoed.
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
