import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { CommandIo } from './command-io.ts';
import { type Answer, type Frame, lineOf, linesOf, maxMessageLength, readFrame } from './messages.ts';
import { findSocket } from './path.ts';

/**
 * How it went. `not_running`: nobody listens, and nothing was done.
 * `lost`: the connection ended before the command did; it may or may not have been carried out.
 */
export type CommandOutcome =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'not_running' }
  | { readonly kind: 'lost' };

/** Has the process that holds the data directory run a command, and passes on what it says and asks. */
export async function sendCommand(
  dataDirectory: string,
  argv: readonly string[],
  io: CommandIo,
): Promise<CommandOutcome> {
  const path = await findSocket(dataDirectory);
  const socket = path === undefined ? undefined : await connected(path);
  if (socket === undefined) return { kind: 'not_running' };
  try {
    const { columns, isTerminal } = io;
    socket.write(lineOf({ argv, isTerminal, ...(columns === undefined ? {} : { columns }) }));
    return await follow(socket, io);
  } finally {
    socket.destroy();
  }
}

async function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch (error) {
    // No socket, or one whose process is dead.
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ECONNREFUSED'].includes(String(error.code))) {
      return undefined;
    }
    throw error;
  }
}

async function follow(socket: Socket, io: CommandIo): Promise<CommandOutcome> {
  try {
    // What the server sends is not bounded: it is ourselves, and a frame is what one `out` was given.
    for await (const line of linesOf(socket, Number.POSITIVE_INFINITY)) {
      const frame = readFrame(line);
      if (frame === undefined) return { kind: 'lost' };
      if ('exit' in frame) return { kind: 'exit', code: frame.exit };
      await pass(frame, socket, io);
    }
  } catch (error) {
    if (!socket.destroyed) throw error;
  }
  return { kind: 'lost' };
}

async function pass(frame: Exclude<Frame, { exit: number }>, socket: Socket, io: CommandIo): Promise<void> {
  if ('ask' in frame) {
    socket.write(answerTo(frame.ask === 'secret' ? await io.readSecret(frame.prompt) : await io.readInput()));
    return;
  }
  if ('out' in frame) io.out(frame.out);
  else io.err(frame.err);
  // Reading on only when our own reader has caught up passes the pressure back to the server.
  await io.drained();
}

function answerTo(text: string | undefined): string {
  const answer: Answer = { answer: text ?? null };
  const line = lineOf(answer);
  return line.length > maxMessageLength ? lineOf({ answer: null }) : line;
}
