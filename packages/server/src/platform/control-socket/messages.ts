/** The protocol of the control socket: lines of JSON in both directions. Both ends are the same release. */
import type { Readable } from 'node:stream';

/** Characters in a message from the client. */
export const maxMessageLength = 1024 * 1024;

/** What the client sends first. */
export interface CommandRequest {
  readonly argv: readonly string[];
  readonly isTerminal: boolean;
  readonly columns?: number;
}

/** What the client sends when it was asked; null when it cannot answer. */
export interface Answer {
  readonly answer: string | null;
}

/** What the server sends. After `exit` it sends nothing more. */
export type Frame =
  | { readonly out: string }
  | { readonly err: string }
  | { readonly ask: 'secret'; readonly prompt: string }
  | { readonly ask: 'input' }
  | { readonly exit: number };

/** A message as it is sent. */
export function lineOf(message: CommandRequest | Answer | Frame): string {
  return `${JSON.stringify(message)}\n`;
}

/** The message is longer than `maxMessageLength`. */
export class MessageTooLong extends Error {
  override name = 'MessageTooLong';
}

/**
 * The lines that arrive, without their newlines; a last one without a newline was cut off and is dropped.
 * The stream stays open when the reader stops, so that the other side can still be told why.
 *
 * @throws MessageTooLong
 */
export async function* linesOf(stream: Readable, maxLength: number): AsyncGenerator<string, undefined> {
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > maxLength || lines.some((line) => line.length > maxLength)) throw new MessageTooLong();
    yield* lines;
  }
  return undefined;
}

/** The request, or undefined when the text is not one. */
export function readRequest(text: string): CommandRequest | undefined {
  const message = readObject(text);
  if (message === undefined) return undefined;
  const { argv, isTerminal, columns } = message;
  if (!isTextArray(argv) || typeof isTerminal !== 'boolean') return undefined;
  if (columns === undefined) return { argv, isTerminal };
  return typeof columns === 'number' && Number.isInteger(columns) && columns > 0
    ? { argv, isTerminal, columns }
    : undefined;
}

/** The answer; undefined when there is none, or the text is not one. */
export function readAnswer(text: string): string | undefined {
  const { answer } = readObject(text) ?? {};
  return typeof answer === 'string' ? answer : undefined;
}

/** The frame, or undefined when the text is not one. */
export function readFrame(text: string): Frame | undefined {
  const message = readObject(text);
  if (message === undefined) return undefined;
  const { out, err, exit, ask, prompt } = message;
  if (typeof out === 'string') return { out };
  if (typeof err === 'string') return { err };
  if (typeof exit === 'number') return { exit };
  if (ask === 'secret' && typeof prompt === 'string') return { ask, prompt };
  return ask === 'input' ? { ask } : undefined;
}

function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isTextArray(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
