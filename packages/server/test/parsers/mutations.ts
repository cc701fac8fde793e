/** Nearly valid inputs: examples with a few changed bytes. A seed reproduces the sequence. */

/** Returns an integer from 0 to `end` - 1. */
export type Draw = (end: number) => number;

/** Xorshift32 (Marsaglia 2003): no secret depends on it, and a seed produces the same numbers on every machine. */
export function drawFrom(seed: number): Draw {
  let state = (seed | 0) === 0 ? 1 : seed | 0;
  return (end) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % end;
  };
}

/** Frequent causes of parser faults: ends, separators, escapes, numbers at a limit, invalid text. */
const printable =
  String.raw`" ' \ / % %00 %zz = == & ; , . .. : :: @ + - _ * # $ $$ < > ( ) { } [ ] {" ": \u \u0000 xn-- ` +
  '__proto__ constructor null true NaN 1e999 -0 4294967296 99999999999999999999 0x7f';
const unprintable = ['\0', '\r\n', ' ', '\t', '\u00e9', '\u0130', '\u0131', '\u200d', '\u202e', '\ufeff', '\uff20'];
const hostile = [...printable.split(' '), ...unprintable, '\u{1f600}'].map((text) => Buffer.from(text));

const invalidUtf8 = [0xff, 0xc0, 0xed, 0x80, 0xf5].map((byte) => Buffer.of(byte));

/** Longer inputs are cut, because HTTP limits the length before every parser. */
const maxBytes = 16_384;

/** Returns one of the examples after one to eight changes. */
export function mutate(examples: readonly Buffer[], draw: Draw): Buffer {
  let bytes: Buffer = Buffer.from(pick(examples, draw));
  for (let change = draw(8); change >= 0; change -= 1) bytes = applyChange(bytes, examples, draw);
  return bytes.subarray(0, maxBytes);
}

function pick<T>(from: readonly T[], draw: Draw): T {
  return from[draw(from.length)] as T;
}

type Change = (bytes: Buffer, at: number, draw: Draw, examples: readonly Buffer[]) => Buffer;

const changes: readonly Change[] = [
  // Flips a bit.
  (bytes, at, draw) => replace(bytes, at, 1, Buffer.of((bytes[at] ?? 0) ^ (1 << draw(8)))),
  // Replaces a byte.
  (bytes, at, draw) => replace(bytes, at, 1, Buffer.of(draw(256))),
  // Inserts or substitutes a hostile text.
  (bytes, at, draw) => replace(bytes, at, 0, pick(hostile, draw)),
  (bytes, at, draw) => replace(bytes, at, draw(4), pick(hostile, draw)),
  (bytes, at, draw) => replace(bytes, at, 0, pick(invalidUtf8, draw)),
  // Truncates the end.
  (bytes, at) => bytes.subarray(0, at),
  // Deletes, duplicates or repeats a piece.
  (bytes, at, draw) => replace(bytes, at, draw(16), Buffer.alloc(0)),
  (bytes, at, draw) => replace(bytes, at, 0, bytes.subarray(at, at + draw(32))),
  (bytes, at, draw) => replace(bytes, at, 0, repeated(bytes.subarray(at, at + 1 + draw(4)), draw(2000))),
  // Replaces the end with that of another example.
  (bytes, at, draw, examples) => {
    const other = pick(examples, draw);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(draw(other.length + 1))]);
  },
];

function applyChange(bytes: Buffer, examples: readonly Buffer[], draw: Draw): Buffer {
  return pick(changes, draw)(bytes, draw(bytes.length + 1), draw, examples).subarray(0, maxBytes);
}

function replace(bytes: Buffer, at: number, removed: number, put: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + removed)]);
}

function repeated(piece: Buffer, times: number): Buffer {
  return Buffer.alloc(piece.length * times, piece.length === 0 ? 0 : piece);
}

/** Decodes the bytes, mostly as UTF-8; sometimes as Latin-1, or with an inserted lone surrogate. */
export function toText(bytes: Buffer, draw: Draw): string {
  const choice = draw(10);
  if (choice === 0) return bytes.toString('latin1');
  const text = bytes.toString('utf8');
  if (choice > 1) return text;
  const at = draw(text.length + 1);
  return text.slice(0, at) + String.fromCharCode(0xd800 + draw(0x800)) + text.slice(at);
}
