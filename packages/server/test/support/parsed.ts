import type { Parsed } from '#kernel/parsed.ts';

/** The value of a text that a test knows to be valid. */
export function parsedValue<T>(result: Parsed<T>): T {
  if (result.kind === 'invalid') throw new Error(result.reason);
  return result.value;
}
