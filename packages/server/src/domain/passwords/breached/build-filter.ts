/** From a list of passwords, however long, to a filter. */
import { isUtf8 } from 'node:buffer';
import { hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { addTo, type FilterHeader, pageBytes, pageOf, pagesFor, sealPage, writeHeader } from './filter-format.ts';

/** Pages that are kept in memory at once: 256 MB. The list is read once for each so many, and once to count. */
const pagesAtOnce = 65_536;

/** No filter can be made of the list. */
export class ListUnusable extends Error {
  override name = 'ListUnusable';
}

const hashLine = /^([0-9A-Fa-f]{40})(?::(\d+))?$/;
/** NTLM, MD5, SHA-256 and their like. A password may look so; a list of them is made of nothing else. */
const otherHashLine = /^(?:[0-9A-Fa-f]{32}){1,4}(?::\d+)?$/;
const maxShareOfOtherHashes = 0.9;
const maxLineBytes = 4096;

/**
 * Writes `target` anew, whole or not at all, from a list with a password on each line, or its SHA-1 in hexadecimal, alone
 * or as `HASH:COUNT` (a count of 0 is padding and left out). Memory is bounded whatever the list's size.
 *
 * @param atOnce pages that are kept in memory at once.
 * @throws ListUnusable, and what reading and writing files throw.
 */
export async function buildFilter(list: string, target: string, atOnce = pagesAtOnce): Promise<FilterHeader> {
  await demandFile(list, target);
  const passwords = await count(list);
  const header = { passwords, pages: pagesFor(passwords) };
  const draft = `${target}.${randomBytes(6).toString('hex')}.tmp`;
  const file = await open(draft, 'wx');
  try {
    await writeAll(file, list, header, atOnce);
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

async function demandFile(list: string, target: string): Promise<void> {
  // A pipe has nothing left to be read a second time, and the filter would know none of the passwords that it counted.
  const found = await stat(list, { bigint: true });
  if (!found.isFile() && !found.isDirectory())
    throw new ListUnusable(`${list} is no file, and it is read more than once`);
  const replaced = await stat(target, { bigint: true }).catch(ifAbsent);
  if (replaced?.ino === found.ino && replaced.dev === found.dev)
    throw new ListUnusable(`${target} is the list itself, which the filter would replace`);
}

function ifAbsent(error: unknown): undefined {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}

/** How many passwords a list has. Wrong lists are known here: a filter of them would find nothing, and nobody would notice. */
async function count(list: string): Promise<number> {
  const expected = 'a list has passwords or their SHA-1, one a line';
  let passwords = 0;
  let others = 0;
  for await (const lines of readLines(list)) {
    for (const line of lines) {
      if (hashOf(line) === undefined) continue;
      passwords += 1;
      if (otherHashLine.test(line.toString('latin1'))) others += 1;
    }
  }
  if (passwords === 0) throw new ListUnusable(`${list} has no passwords; ${expected}`);
  if (others / passwords <= maxShareOfOtherHashes) return passwords;
  throw new ListUnusable(`${list} has hashes that are not SHA-1, such as NTLM or MD5; ${expected}`);
}

async function writeAll(file: FileHandle, list: string, header: FilterHeader, atOnce: number): Promise<void> {
  await file.write(writeHeader(header));
  for (let first = 0; first < header.pages; first += atOnce) {
    const pages = Array.from({ length: Math.min(atOnce, header.pages - first) }, () => Buffer.alloc(pageBytes));
    for await (const lines of readLines(list)) {
      for (const line of lines) addLine(pages, first, header, line);
    }
    for (const page of pages) {
      sealPage(page);
      await file.write(page);
    }
  }
}

function addLine(pages: readonly Buffer[], first: number, header: FilterHeader, line: Buffer): void {
  const sha1 = hashOf(line);
  const page = sha1 && pages[pageOf(sha1, header.pages) - first];
  if (sha1 !== undefined && page !== undefined) addTo(page, sha1);
}

/** The lines of a list, a chunk at a time. */
async function* readLines(list: string): AsyncGenerator<Buffer[]> {
  let rest: Buffer | undefined;
  for await (const chunk of createReadStream(list, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const text = rest === undefined ? withoutMark(chunk, list) : Buffer.concat([rest, chunk]);
    const end = text.lastIndexOf(0x0a);
    yield linesOf(text.subarray(0, end + 1));
    // What is longer than any password is one line of something else; it is not kept, and its end is read as a line.
    rest = text.length - end - 1 > maxLineBytes ? Buffer.alloc(0) : Buffer.from(text.subarray(end + 1));
  }
  if (rest !== undefined) yield linesOf(rest);
}

/** The beginning of a list without the mark that some editors write, which is no part of its first password. */
function withoutMark(beginning: Buffer, list: string): Buffer {
  const mark = beginning.toString('latin1', 0, 3);
  if (/^(?:\xff\xfe|\xfe\xff)/.test(mark)) throw new ListUnusable(`${list} is in UTF-16; make it UTF-8`);
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

/** Undefined for what counts nothing: an empty line, padding. */
function hashOf(line: Buffer): Buffer | undefined {
  if (line.length === 0) return undefined;
  // Old lists are often Latin-1.
  const text = line.toString(isUtf8(line) ? 'utf8' : 'latin1');
  const [, hex, times] = hashLine.exec(text) ?? [];
  if (hex === undefined) return sha1Of(text);
  return times !== undefined && Number(times) === 0 ? undefined : Buffer.from(hex, 'hex');
}

/** The SHA-1 of a password in NFC. Lists of breached passwords are kept by it; it protects nothing here. */
export function sha1Of(password: string): Buffer {
  return hash('sha1', password.normalize('NFC'), 'buffer');
}
