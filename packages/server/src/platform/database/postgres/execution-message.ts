/** Encodes the messages that execute a prepared statement (PostgreSQL's frontend/backend protocol, message formats). */

/** Messages are written here first and then copied: the UTF-8 length of a text is known only after writing it. */
const scratch = Buffer.allocUnsafe(16 * 1024);

/** The longest UTF-8 form of a UTF-16 code unit. */
const bytesPerUnit = 3;

const bind = 0x42;
const byteaOid = 17;
/** Dimensions, flags, type, length and lower bound. */
const arrayHeadLength = 20;
/** Execute without a name and a limit (10 bytes), Sync (5 bytes). */
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);

/**
 * Bind, Execute and Sync in one buffer, for a statement that is prepared under `name`. Supports texts, bytes, dates,
 * numbers, booleans, null and arrays of bytes; returns undefined for other values, very long ones and dates whose year does not have
 * four digits, which the driver encodes.
 */
export function encodeExecution(name: string, values: readonly unknown[]): Buffer | undefined {
  let at = writeHead(name, values);
  for (const value of values) {
    at = value === null ? writeNull(at) : writeValue(value, at);
    if (at < 0) return undefined;
  }
  // Results as texts.
  at = scratch.writeInt16BE(0, at);
  scratch.writeInt32BE(at - 1, 1);
  at += executeAndSync.copy(scratch, at);
  return Buffer.from(scratch.subarray(0, at));
}

/**
 * Writes the portal without a name, the statement and a format per value: 1 for bytes and arrays of them, 0 for texts.
 * Returns where values begin.
 */
function writeHead(name: string, values: readonly unknown[]): number {
  scratch[0] = bind;
  scratch[5] = 0;
  let at = 6 + scratch.write(name, 6, 'latin1');
  scratch[at] = 0;
  at = scratch.writeInt16BE(values.length, at + 1);
  for (const value of values) at = scratch.writeInt16BE(isBinary(value) ? 1 : 0, at);
  return scratch.writeInt16BE(values.length, at);
}

function isBinary(value: unknown): boolean {
  return value instanceof Uint8Array || Array.isArray(value);
}

function writeNull(at: number): number {
  return scratch.writeInt32BE(-1, at);
}

/** Returns the offset of the next value, or -1. */
function writeValue(value: unknown, at: number): number {
  if (typeof value === 'string') return writeText(value, at);
  if (value instanceof Uint8Array) return writeBytes(value, at);
  if (value instanceof Date) return writeDate(value, at);
  if (Array.isArray(value)) return writeByteArrays(value, at);
  return typeof value === 'number' || typeof value === 'boolean' ? writeText(String(value), at) : -1;
}

function writeText(text: string, at: number): number {
  if (!fits(text.length * bytesPerUnit, at)) return -1;
  const length = scratch.write(text, at + 4, 'utf8');
  scratch.writeInt32BE(length, at);
  return at + 4 + length;
}

function writeBytes(bytes: Uint8Array, at: number): number {
  if (!fits(bytes.length, at)) return -1;
  scratch.writeInt32BE(bytes.length, at);
  scratch.set(bytes, at + 4);
  return at + 4 + bytes.length;
}

/** The binary form of `bytea[]`: one dimension that starts at 1, without nulls. */
function writeByteArrays(elements: readonly unknown[], start: number): number {
  if (elements.length === 0 || !fits(arrayHeadLength, start)) return -1;
  let at = scratch.writeInt32BE(1, start + 4);
  at = scratch.writeInt32BE(0, at);
  at = scratch.writeInt32BE(byteaOid, at);
  at = scratch.writeInt32BE(elements.length, at);
  at = scratch.writeInt32BE(1, at);
  for (const element of elements) {
    at = element instanceof Uint8Array ? writeBytes(element, at) : -1;
    if (at < 0) return -1;
  }
  scratch.writeInt32BE(at - start - 4, start);
  return at;
}

function writeDate(date: Date, at: number): number {
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? writeText(date.toISOString(), at) : -1;
}

/** Room for a value with its length, and for the end of the message or the nulls behind it. */
function fits(length: number, at: number): boolean {
  return at + length + reserveLength < scratch.length;
}

/** The nulls of the most parameters that fit here, and the end. */
const reserveLength = 1024;
