/** Errors in the log: enough to find the bug, and nothing that a caller sent. */
import { inSources } from './source-positions.ts';

export interface ErrorDescription {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  /** Frames only: the first line of a stack repeats the message, unscrubbed. */
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

const messageLimit = 500;
const frameLimit = 12;
const causeLimit = 3;

// Messages of libraries quote their input: an SMTP reply has the address, a URL parser the URL.
const masks: readonly (readonly [RegExp, string])[] = [
  [/\blk_[a-z]+_[A-Za-z0-9_-]+/g, '[secret]'],
  [/\beyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*/g, '[token]'],
  [/\$argon2[^\s'"]*/g, '[hash]'],
  [/\b(\w+):\/\/[^\s/@'"]+@/g, '$1://[credentials]@'],
  [/[^\s<>"'(),;:]+@[^\s<>"'(),;:]+/g, '[address]'],
  [/\?[^\s'"]+/g, '?[query]'],
];

/** Masks secrets, addresses and queries in a message of other code. */
export function scrub(text: string): string {
  const cut = text.slice(0, messageLimit);
  return masks.reduce((scrubbed, [pattern, mask]) => scrubbed.replace(pattern, mask), cut);
}

export function describeError(error: unknown, depth = 0): ErrorDescription {
  if (!(error instanceof Error)) return { name: 'NonError', message: scrub(String(error)) };
  const code = (error as { code?: unknown }).code;
  const stack = framesOf(error);
  return {
    name: error.name,
    ...(typeof code === 'string' && { code: scrub(code) }),
    message: scrub(error.message),
    ...(stack !== '' && { stack }),
    ...(error.cause !== undefined && depth < causeLimit && { cause: describeError(error.cause, depth + 1) }),
  };
}

function framesOf(error: Error): string {
  const lines = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  const frames = lines.slice(0, frameLimit).map((line) => line.trim());
  return inSources(frames.join('\n'));
}
