import { isUtf8 } from 'node:buffer';
import { hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import {
  addToPage,
  encodeHeader,
  type PasswordFilterHeader,
  pageBytes,
  pageOf,
  pagesFor,
  writeChecksum,
} from './filter-format.ts';

/** Pages in memory at a time: 256 MB. The list is read once to count it and once for each such batch of pages. */
const defaultPagesPerBatch = 65_536;

/** The list cannot be turned into a filter; the message is for the operator. */
export class PasswordListUnusable extends Error {
  override name = 'PasswordListUnusable';
}

const hashLine = /^([0-9A-Fa-f]{40})(?::(\d+))?$/;
/** NTLM, MD5, SHA-256 and SHA-512. A password can have this form, so only the share of such lines is decisive. */
const otherHashLine = /^(?:[0-9A-Fa-f]{32}){1,4}(?::\d+)?$/;
const maxShareOfOtherHashes = 0.9;
const maxLineBytes = 4096;

/**
 * Builds the filter file `target` from a list with one password per line, as text or as its SHA-1 in hexadecimal, alone or
 * as `HASH:COUNT` (lines with a count of 0 are padding and skipped). Replaces `target` atomically. Memory use does not
 * depend on the length of the list.
 *
 * @param pagesPerBatch pages in memory at a time.
 * @throws PasswordListUnusable, and Node's own errors of reading and writing files.
 */
export async function buildPasswordFilter(
  list: string,
  target: string,
  pagesPerBatch = defaultPagesPerBatch,
): Promise<PasswordFilterHeader> {
  await requireFile(list, target);
  const passwords = await count(list);
  const header = { passwords, pages: pagesFor(passwords) };
  const draft = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(draft, 'wx');
  try {
    await writeAll(file, list, header, pagesPerBatch);
    await file.sync();
    await file.close();
    await rename(draft, target);
  } catch (error) {
    await file.close();
    await rm(draft, { force: true });
    throw error;
  }
  return header;
}

async function requireFile(list: string, target: string): Promise<void> {
  // A pipe is empty when it is read again: the filter would then contain none of the counted passwords.
  const found = await stat(list, { bigint: true });
  if (!found.isFile() && !found.isDirectory())
    throw new PasswordListUnusable(`${list} is not a regular file; it must be readable more than once`);
  const replaced = await stat(target, { bigint: true }).catch(ifAbsent);
  if (replaced?.ino === found.ino && replaced.dev === found.dev)
    throw new PasswordListUnusable(`${target} is the list itself, which the filter would replace`);
}

function ifAbsent(error: unknown): undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}

/**
 * Returns the number of passwords in the list. Rejects a list of other hashes: its filter would never match, and the
 * operator would not notice.
 */
async function count(list: string): Promise<number> {
  const expected = 'expected passwords or their SHA-1, one per line';
  let passwords = 0;
  let others = 0;
  for await (const lines of readLines(list)) {
    for (const line of lines) {
      if (hashOf(line) === undefined) continue;
      passwords += 1;
      if (otherHashLine.test(line.toString('latin1'))) others += 1;
    }
  }
  if (passwords === 0) throw new PasswordListUnusable(`${list} has no passwords; ${expected}`);
  if (others / passwords <= maxShareOfOtherHashes) return passwords;
  throw new PasswordListUnusable(`${list} has hashes that are not SHA-1, such as NTLM or MD5; ${expected}`);
}

async function writeAll(
  file: FileHandle,
  list: string,
  header: PasswordFilterHeader,
  pagesPerBatch: number,
): Promise<void> {
  await file.write(encodeHeader(header));
  for (let first = 0; first < header.pages; first += pagesPerBatch) {
    const pages = Array.from({ length: Math.min(pagesPerBatch, header.pages - first) }, () => Buffer.alloc(pageBytes));
    for await (const lines of readLines(list)) {
      for (const line of lines) addLine(pages, first, header, line);
    }
    for (const page of pages) {
      writeChecksum(page);
      await file.write(page);
    }
  }
}

function addLine(pages: readonly Buffer[], first: number, header: PasswordFilterHeader, line: Buffer): void {
  const sha1 = hashOf(line);
  const page = sha1 && pages[pageOf(sha1, header.pages) - first];
  if (sha1 !== undefined && page !== undefined) addToPage(page, sha1);
}

/** Yields the lines of the list, one array per chunk. */
async function* readLines(list: string): AsyncGenerator<Buffer[]> {
  let rest: Buffer | undefined;
  for await (const chunk of createReadStream(list, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const text = rest === undefined ? withoutByteOrderMark(chunk, list) : Buffer.concat([rest, chunk]);
    const end = text.lastIndexOf(0x0a);
    yield linesOf(text.subarray(0, end + 1));
    // A line longer than `maxLineBytes` is not a password. Its beginning is dropped, and its end is read as a line.
    rest = text.length - end - 1 > maxLineBytes ? Buffer.alloc(0) : Buffer.from(text.subarray(end + 1));
  }
  if (rest !== undefined) yield linesOf(rest);
}

/** Strips a UTF-8 byte order mark, which is not part of the first password. */
function withoutByteOrderMark(beginning: Buffer, list: string): Buffer {
  const mark = beginning.toString('latin1', 0, 3);
  if (/^(?:\xff\xfe|\xfe\xff)/.test(mark)) throw new PasswordListUnusable(`${list} is in UTF-16; make it UTF-8`);
  return mark === '\xef\xbb\xbf' ? beginning.subarray(3) : beginning;
}

function linesOf(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf(0x0a, start);
    const end = newline === -1 ? text.length : newline;
    lines.push(text.subarray(start, text[end - 1] === 0x0d && end > start ? end - 1 : end));
    start = end + 1;
  }
  return lines;
}

/** Returns the SHA-1 of a line; undefined for an empty line and for padding. */
function hashOf(line: Buffer): Buffer | undefined {
  if (line.length === 0) return undefined;
  // Old lists are often in Latin-1.
  const text = line.toString(isUtf8(line) ? 'utf8' : 'latin1');
  const [, hex, times] = hashLine.exec(text) ?? [];
  if (hex === undefined) return sha1Of(text);
  return times !== undefined && Number(times) === 0 ? undefined : Buffer.from(hex, 'hex');
}

/** Returns the SHA-1 of a password in NFC: the key by which lists of breached passwords are published, not a protection. */
export function sha1Of(password: string): Buffer {
  return hash('sha1', password.normalize('NFC'), 'buffer');
}
