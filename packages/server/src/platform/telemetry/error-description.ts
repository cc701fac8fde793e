/** An error as the log may hold it: enough to find the bug, nothing that a caller sent. */

export interface ErrorDescription {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  /** Frames only: the first line of a stack repeats the message unscrubbed. */
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

const messageLimit = 500;
const frameLimit = 12;
const causeLimit = 3;

// Messages of libraries quote their input: an SMTP answer names the address, a URL parser the URL.
// What looks like a secret or a person is masked before anything else is decided about the line.
const masks: readonly (readonly [RegExp, string])[] = [
  [/\blk_[a-z]+_[A-Za-z0-9_-]+/g, '[secret]'],
  [/\beyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*/g, '[token]'],
  [/\$argon2[^\s'"]*/g, '[hash]'],
  [/\b(\w+):\/\/[^\s/@'"]+@/g, '$1://[credentials]@'],
  [/[^\s<>"'(),;:]+@[^\s<>"'(),;:]+/g, '[address]'],
  [/\?[^\s'"]+/g, '?[query]'],
];

/** Removes secrets, addresses and queries from a text that other code wrote. */
function scrub(text: string): string {
  const cut = text.slice(0, messageLimit);
  return masks.reduce((scrubbed, [pattern, mask]) => scrubbed.replace(pattern, mask), cut);
}

/** Describes anything that was thrown. */
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
  return lines
    .slice(0, frameLimit)
    .map((line) => line.trim())
    .join('\n');
}
