import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { CommandIo } from './command-io.ts';
import { type Answer, type CommandRequest, type Frame, linesOf, maxMessageLength, readFrame } from './messages.ts';
import { findSocket } from './socket-path.ts';

/**
 * How a command ended. `not_running`: no process listens, and nothing ran.
 * `lost`: the connection ended before the command did; it may or may not have taken effect.
 */
export type CommandOutcome =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'not_running' }
  | { readonly kind: 'lost' };

/** Runs a command in the process that holds the data directory, with this process's input and output. */
export async function sendCommand(
  dataDirectory: string,
  argv: readonly string[],
  io: CommandIo,
): Promise<CommandOutcome> {
  const socketPath = await findSocket(dataDirectory);
  if (socketPath === undefined) return { kind: 'not_running' };
  const { columns, isTerminal } = io;
  const command: CommandRequest = { argv, isTerminal, ...(columns === undefined ? {} : { columns }) };
  const sent = await post(socketPath, '/commands', JSON.stringify(command));
  if (sent.kind !== 'response') return sent;
  try {
    return await follow(sent.response, socketPath, io);
  } finally {
    sent.response.destroy();
  }
}

type Sent =
  | { readonly kind: 'response'; readonly response: IncomingMessage }
  | { readonly kind: 'not_running' }
  | { readonly kind: 'lost' };

async function post(socketPath: string, path: string, body: string): Promise<Sent> {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const sent = request({ socketPath, path, method: 'POST', headers, agent: false });
  sent.end(body);
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { kind: 'response', response };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // No socket, or one whose process has ended.
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { kind: 'not_running' };
    if (code === 'ECONNRESET' || code === 'EPIPE') return { kind: 'lost' };
    throw error;
  }
}

async function follow(response: IncomingMessage, socketPath: string, io: CommandIo): Promise<CommandOutcome> {
  try {
    for await (const line of linesOf(response)) {
      const frame = readFrame(line);
      if (frame === undefined) return { kind: 'lost' };
      if ('exit' in frame) return { kind: 'exit', code: frame.exit };
      await pass(frame, socketPath, io);
    }
  } catch (error) {
    if (response.complete) throw error;
  }
  return { kind: 'lost' };
}

async function pass(frame: Exclude<Frame, { exit: number }>, socketPath: string, io: CommandIo): Promise<void> {
  if ('ask' in frame) {
    const text = frame.ask === 'secret' ? await io.readSecret(frame.prompt) : await io.readInput();
    const sent = await post(socketPath, frame.answerPath, bodyOf(text));
    if (sent.kind === 'response') sent.response.resume();
    return;
  }
  if ('out' in frame) io.out(frame.out);
  else io.err(frame.err);
  // The stream is read no faster than our own reader reads, so backpressure reaches the command.
  await io.drained();
}

function bodyOf(text: string | undefined): string {
  const answer: Answer = { answer: text ?? null };
  const body = JSON.stringify(answer);
  return body.length > maxMessageLength ? JSON.stringify({ answer: null } satisfies Answer) : body;
}
