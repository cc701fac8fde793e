/** What is sent to execute a prepared statement (PostgreSQL's frontend/backend protocol, message formats). */

/** Everything is written here first and then copied: how long a text is in UTF-8 is known when it is written. */
const scratch = Buffer.allocUnsafe(16 * 1024);

/** The longest that a character of UTF-16 becomes in UTF-8. */
const bytesPerUnit = 3;

const bind = 0x42;
/** Execute without a name and a limit (10 bytes), Sync (5 bytes). */
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);

/**
 * Bind, Execute and Sync in one piece, for a statement that is prepared under `name`; undefined when a value is none
 * that is written here. Values are texts, bytes, dates, numbers, booleans and
 * null; others, very long ones and dates whose year has not four digits are left to the driver.
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

/** Portal without a name, statement, a format for each value: 1 for bytes, 0 for texts. Answers where values begin. */
function writeHead(name: string, values: readonly unknown[]): number {
  scratch[0] = bind;
  scratch[5] = 0;
  let at = 6 + scratch.write(name, 6, 'latin1');
  scratch[at] = 0;
  at = scratch.writeInt16BE(values.length, at + 1);
  for (const value of values) at = scratch.writeInt16BE(value instanceof Uint8Array ? 1 : 0, at);
  return scratch.writeInt16BE(values.length, at);
}

function writeNull(at: number): number {
  return scratch.writeInt32BE(-1, at);
}

/** Answers where the next one begins, or -1. */
function writeValue(value: unknown, at: number): number {
  if (typeof value === 'string') return writeText(value, at);
  if (value instanceof Uint8Array) return writeBytes(value, at);
  if (value instanceof Date) return writeDate(value, at);
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

function writeDate(date: Date, at: number): number {
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? writeText(date.toISOString(), at) : -1;
}

/** Room for a value, its length before it, and what comes after all values or for the nulls behind it. */
function fits(length: number, at: number): boolean {
  return at + length + reserveLength < scratch.length;
}

/** As many nulls as a statement can have parameters that fit here, and the end. */
const reserveLength = 1024;
