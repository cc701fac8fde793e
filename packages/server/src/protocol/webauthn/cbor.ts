/**
 * Decoder for the canonical CBOR of authenticators (RFC 8949; CTAP 2.1, "CTAP2 canonical CBOR encoding form").
 * It accepts definite lengths, shortest forms, integers whose magnitude is below 2⁵³ − 1, byte and text strings, arrays, maps
 * with integer or text keys in ascending order, booleans and null. It rejects tags, floating-point numbers and more than
 * four levels of nesting. So each value has one encoding, and work and memory are linear in the input.
 */
import { decodeUtf8 } from './utf8.ts';

export type CborValue = number | boolean | null | string | Buffer | readonly CborValue[] | CborMap;

export type CborMap = ReadonlyMap<number | string, CborValue>;

/** A decoded value and the offset after it. */
export type CborItem<T = CborValue> = { readonly value: T; readonly end: number };

/** CTAP 2.1: "at most four levels of any combination of CBOR maps and/or CBOR arrays". */
const maxDepth = 4;

/** Decodes one value that takes all bytes; undefined when the bytes are not canonical, or continue after it. */
export function decodeCbor(bytes: Buffer): CborValue | undefined {
  const item = readItem(bytes, 0, 0);
  return item?.end === bytes.length ? item.value : undefined;
}

/** Decodes the map at an offset; undefined when there is no canonical map. Bytes may follow it. */
export function readCborMap(bytes: Buffer, start: number): CborItem<CborMap> | undefined {
  const item = readItem(bytes, start, 0);
  return item?.value instanceof Map ? { value: item.value, end: item.end } : undefined;
}

/** The initial byte and its argument (RFC 8949 §3). */
type Head = { readonly major: number; readonly information: number; readonly argument: number; readonly end: number };

/** Reads what follows a head; `depth` is the number of arrays and maps around the value. */
type Reader = (bytes: Buffer, head: Head, depth: number) => CborItem | undefined;

/** By major type (RFC 8949 §3.1). There is none for tags. */
const readers: readonly (Reader | undefined)[] = [
  (_, { argument, end }) => ({ value: argument, end }),
  (_, { argument, end }) => ({ value: -1 - argument, end }),
  readString,
  readText,
  readArray,
  readMap,
  undefined,
  readSimple,
];

function readItem(bytes: Buffer, start: number, depth: number): CborItem | undefined {
  const head = readHead(bytes, start);
  return head && readers[head.major]?.(bytes, head, depth);
}

/** By the number of bytes of the argument: the least value that needs them (RFC 8949 §4.2.1). */
const leastArguments: ReadonlyMap<number, number> = new Map([
  [1, 24],
  [2, 0x100],
  [4, 0x1_0000],
  [8, 0x1_0000_0000],
]);

function readHead(bytes: Buffer, start: number): Head | undefined {
  const initial = bytes[start];
  if (initial === undefined) return undefined;
  const major = initial >>> 5;
  const information = initial & 0x1f;
  if (information < 24) return { major, information, argument: information, end: start + 1 };
  // 24 to 27 announce 1, 2, 4 or 8 bytes; 28 to 30 are reserved, and 31 is an indefinite length.
  if (information > 27) return undefined;
  const length = 1 << (information - 24);
  const end = start + 1 + length;
  if (end > bytes.length) return undefined;
  const argument = length === 8 ? Number(bytes.readBigUInt64BE(start + 1)) : bytes.readUIntBE(start + 1, length);
  const isShortest = argument >= (leastArguments.get(length) ?? Number.POSITIVE_INFINITY);
  // −1 − argument must be a safe integer too.
  return isShortest && argument < Number.MAX_SAFE_INTEGER ? { major, information, argument, end } : undefined;
}

function readString(bytes: Buffer, head: Head): CborItem<Buffer> | undefined {
  const end = head.end + head.argument;
  return end <= bytes.length ? { value: bytes.subarray(head.end, end), end } : undefined;
}

function readText(bytes: Buffer, head: Head): CborItem<string> | undefined {
  const item = readString(bytes, head);
  const value = item && decodeUtf8(item.value);
  return value === undefined ? undefined : { value, end: head.end + head.argument };
}

function readArray(bytes: Buffer, head: Head, depth: number): CborItem | undefined {
  if (depth >= maxDepth) return undefined;
  const values: CborValue[] = [];
  let { end } = head;
  // Each element takes at least one byte, so a false length ends at the end of the input.
  while (values.length < head.argument) {
    const item = readItem(bytes, end, depth + 1);
    if (item === undefined) return undefined;
    values.push(item.value);
    end = item.end;
  }
  return { value: values, end };
}

function readMap(bytes: Buffer, head: Head, depth: number): CborItem<CborMap> | undefined {
  if (depth >= maxDepth) return undefined;
  const entries = new Map<number | string, CborValue>();
  let { end } = head;
  let lastKey: Buffer | undefined;
  while (entries.size < head.argument) {
    const key = readItem(bytes, end, depth + 1);
    if (key === undefined || (typeof key.value !== 'number' && typeof key.value !== 'string')) return undefined;
    const encodedKey = bytes.subarray(end, key.end);
    if (lastKey !== undefined && !isAscending(lastKey, encodedKey)) return undefined;
    const item = readItem(bytes, key.end, depth + 1);
    if (item === undefined) return undefined;
    entries.set(key.value, item.value);
    lastKey = encodedKey;
    end = item.end;
  }
  return { value: entries, end };
}

/** CTAP 2.1: the lower major type first, then the shorter key, then the bytes. Equal keys are not ascending. */
function isAscending(first: Buffer, second: Buffer): boolean {
  const isSameMajor = (first[0] ?? 0) >>> 5 === (second[0] ?? 0) >>> 5;
  if (isSameMajor && first.length !== second.length) return first.length < second.length;
  return first.compare(second) < 0;
}

const simpleValues: ReadonlyMap<number, boolean | null> = new Map([
  [20, false],
  [21, true],
  [22, null],
]);

/** Simple values are in the initial byte (RFC 8949 §3.3); further bytes would be a floating-point number. */
function readSimple(_: Buffer, { information, end }: Head): CborItem<boolean | null> | undefined {
  const value = simpleValues.get(information);
  return value === undefined ? undefined : { value, end };
}
