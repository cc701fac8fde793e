/**
 * The JSON Canonicalization Scheme (RFC 8785): one value, one text, so that a hash or signature over the text is a hash
 * of the value.
 * Owns no table; the audit log stores and hashes what is written here.
 * Invariants: reading the text gives the value back, and writing that again gives the same text; a value that JSON
 * cannot carry unchanged is refused instead of being dropped or rewritten.
 */

import type { JsonValue } from '#kernel/json.ts';

export type { JsonValue } from '#kernel/json.ts';

/** No document of ours comes near it; a cycle does. */
const maxDepth = 100;

/**
 * Writes a value as RFC 8785 prescribes: no white space, members by UTF-16 code units of their names, numbers and
 * strings as ECMAScript writes them.
 *
 * @throws TypeError for what has no JSON form: NaN and the infinities, undefined, lone surrogates (RFC 8785 §3.2.2.2),
 *   holes in arrays, instances of classes (`toJSON` is not asked), and nesting beyond 100.
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

/** RFC 8785 §3.2.2.2 asks for exactly the escapes that JSON.stringify makes of a well-formed string. */
function writeString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('canonical JSON has no lone surrogates');
  return JSON.stringify(value);
}

/** RFC 8785 §3.2.2.3: ECMAScript's Number::toString, which writes minus zero as 0. */
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
  // RFC 8785 §3.2.3 orders by UTF-16 code units, as `<` does; a locale or code points would order differently.
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${writeString(name)}:${write(member, depth + 1)}`).join(',')}}`;
}
