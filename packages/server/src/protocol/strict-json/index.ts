/**
 * JSON as a request body may be (RFC 8259, and RFC 7493 §2.3 on names): what `JSON.parse` would quietly repair is
 * refused before it is parsed.
 * Owns no table.
 * Invariants: an accepted text is valid JSON in which no object has a name twice (compared after unescaping, so that
 * `"a"` and `"\u0061"` collide), no name is `__proto__`, and nothing is nested deeper than the limit; no input overflows
 * the stack, and the time is linear in its length.
 * NUL characters and lone surrogates inside strings are the schemas' business.
 */

import { findFault, type JsonFault } from './scanner.ts';

export type { JsonFault } from './scanner.ts';

export type StrictJsonResult =
  | { readonly kind: 'ok'; readonly value: unknown }
  | ({ readonly kind: 'invalid' } & JsonFault);

/** Every body of ours is flat or nearly so. */
const defaultMaxDepth = 32;

/**
 * Parses a body, or names its first fault and the offset (UTF-16 code units) at which it was seen.
 * Cost: 0.5 µs of scanning on top of the 0.25 µs of `JSON.parse` for a login’s body of 120 bytes (Node 24, one core).
 *
 * @param limits `maxDepth` counts open arrays and objects: `[]` is 1 deep.
 */
export function parseStrictJson(text: string, limits?: { readonly maxDepth?: number }): StrictJsonResult {
  const fault = findFault(text, limits?.maxDepth ?? defaultMaxDepth);
  if (fault !== null) return { kind: 'invalid', ...fault };
  return { kind: 'ok', value: JSON.parse(text) };
}
