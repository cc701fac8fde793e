/**
 * The JSON Canonicalization Scheme (RFC 8785): equal values have equal texts, so a hash of the text is a hash of the
 * value. The audit log stores and hashes these texts.
 * Invariants: parsing a text yields the value, and serializing that value yields the same text; a value that JSON cannot
 * represent is rejected instead of dropped or converted.
 */

import type { JsonValue } from '#kernel/json.ts';

export type { JsonValue } from '#kernel/json.ts';

/** Deeper than every document that we write; stops the recursion on a cyclic value. */
const maxDepth = 100;

/**
 * Serializes a value: no white space, members sorted by the UTF-16 code units of their names, numbers and strings as
 * ECMAScript writes them.
 *
 * @throws TypeError for NaN and infinities, undefined, lone surrogates (RFC 8785 §3.2.2.2), array holes, class instances
 *   (`toJSON` is not called), and nesting deeper than 100.
 */
export function canonicalJson(value: JsonValue): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number') return writeNumber(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object') throw new TypeError(`canonical JSON has no ${typeof value}`);
  if (depth >= maxDepth) throw new TypeError(`canonical JSON is nested at most ${maxDepth} deep`);
  return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
}

/** For a well-formed string JSON.stringify writes exactly the escapes of RFC 8785 §3.2.2.2. */
function writeString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('canonical JSON has no lone surrogates');
  return JSON.stringify(value);
}

/** RFC 8785 §3.2.2.3: ECMAScript's Number::toString, which writes -0 as 0. */
function writeNumber(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`canonical JSON has no ${value}`);
  return String(value);
}

function writeArray(value: readonly unknown[], depth: number): string {
  let text = '[';
  for (let index = 0; index < value.length; index += 1) {
    text += (index === 0 ? '' : ',') + write(value[index], depth + 1);
  }
  return `${text}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError('canonical JSON has plain objects only');
  }
  // RFC 8785 §3.2.3 sorts by UTF-16 code units, as `<` does; localeCompare and code points sort differently.
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${writeString(name)}:${write(member, depth + 1)}`).join(',')}}`;
}
