/** The messages of the control socket, as JSON. Both ends are the same release. */
import type { Readable } from 'node:stream';

/** UTF-16 code units of a request's body. */
export const maxMessageLength = 1024 * 1024;

/** The body of `POST /commands`. */
export interface CommandRequest {
  readonly argv: readonly string[];
  readonly isTerminal: boolean;
  readonly columns?: number;
}

/** The body of a `POST` to an `answerPath`; null when the client has no answer. */
export interface Answer {
  readonly answer: string | null;
}

/** A line of the response to a command; `exit` is the last. */
export type Frame =
  | { readonly out: string }
  | { readonly err: string }
  | { readonly ask: 'secret'; readonly prompt: string; readonly answerPath: string }
  | { readonly ask: 'input'; readonly answerPath: string }
  | { readonly exit: number };

export function lineOf(frame: Frame): string {
  return `${JSON.stringify(frame)}\n`;
}

/**
 * The lines of a stream without their newlines. A last line without a newline was cut off and is dropped.
 * (`node:readline` also splits at U+2028, which JSON does not escape.)
 */
export async function* linesOf(stream: Readable): AsyncGenerator<string, undefined> {
  stream.setEncoding('utf8');
  let rest = '';
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
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

/** The answer; undefined when it is null or the text is no answer. */
export function readAnswer(text: string): string | undefined {
  const { answer } = readObject(text) ?? {};
  return typeof answer === 'string' ? answer : undefined;
}

/** The frame, or undefined when the text is not one. */
export function readFrame(text: string): Frame | undefined {
  const message = readObject(text);
  if (message === undefined) return undefined;
  const { out, err, exit } = message;
  if (typeof out === 'string') return { out };
  if (typeof err === 'string') return { err };
  return typeof exit === 'number' ? { exit } : questionOf(message);
}

function questionOf({ ask, prompt, answerPath }: Readonly<Record<string, unknown>>): Frame | undefined {
  if (typeof answerPath !== 'string') return undefined;
  if (ask === 'secret' && typeof prompt === 'string') return { ask, prompt, answerPath };
  return ask === 'input' ? { ask, answerPath } : undefined;
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
