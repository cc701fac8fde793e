/** From a list of passwords, however long, to a filter. */
import { isUtf8 } from 'node:buffer';
import { hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { addTo, type FilterHeader, pageBytes, pageOf, pagesFor, sealPage, writeHeader } from './format.ts';

/** Pages that are kept in memory at once: 256 MB. The list is read once for each so many, and once to count. */
const pagesAtOnce = 65_536;

/** No filter can be made of the list. */
export class ListUnusable extends Error {
  override name = 'ListUnusable';
}

const hashLine = /^([0-9A-Fa-f]{40})(?::(\d+))?$/;
const maxLineBytes = 4096;

/**
 * Writes `target` anew, whole or not at all, from a list with a password on each line, or its SHA-1 in hexadecimal, alone
 * or as `HASH:COUNT` (a count of 0 is padding and left out). Memory is bounded whatever the list's size.
 *
 * @param atOnce pages that are kept in memory at once.
 * @throws ListUnusable, and what reading and writing files throw.
 */
export async function buildFilter(list: string, target: string, atOnce = pagesAtOnce): Promise<FilterHeader> {
  // A pipe has nothing left to be read a second time, and the filter would know none of the passwords that it counted.
  const found = await stat(list);
  if (!found.isFile() && !found.isDirectory())
    throw new ListUnusable(`${list} is no file, and it is read more than once`);
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

async function count(list: string): Promise<number> {
  let passwords = 0;
  for await (const hashes of readHashes(list)) passwords += hashes.length;
  return passwords;
}

async function writeAll(file: FileHandle, list: string, header: FilterHeader, atOnce: number): Promise<void> {
  await file.write(writeHeader(header));
  for (let first = 0; first < header.pages; first += atOnce) {
    const pages = Array.from({ length: Math.min(atOnce, header.pages - first) }, () => Buffer.alloc(pageBytes));
    for await (const hashes of readHashes(list)) {
      for (const sha1 of hashes) {
        const page = pages[pageOf(sha1, header.pages) - first];
        if (page !== undefined) addTo(page, sha1);
      }
    }
    for (const page of pages) {
      sealPage(page);
      await file.write(page);
    }
  }
}

/** The hashes of a list, a chunk at a time. */
async function* readHashes(list: string): AsyncGenerator<Buffer[]> {
  let rest: Buffer | undefined;
  for await (const chunk of createReadStream(list, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    const text = rest === undefined ? withoutMark(chunk, list) : Buffer.concat([rest, chunk]);
    const end = text.lastIndexOf(0x0a);
    yield hashesOf(text.subarray(0, end + 1));
    // What is longer than any password is one line of something else; it is not kept, and its end is read as a line.
    rest = text.length - end - 1 > maxLineBytes ? Buffer.alloc(0) : Buffer.from(text.subarray(end + 1));
  }
  if (rest !== undefined) yield hashesOf(rest);
}

/** The beginning of a list without the mark that some editors write, which is no part of its first password. */
function withoutMark(beginning: Buffer, list: string): Buffer {
  const mark = beginning.toString('latin1', 0, 3);
  if (/^(?:\xff\xfe|\xfe\xff)/.test(mark)) throw new ListUnusable(`${list} is in UTF-16; make it UTF-8`);
  return mark === '\xef\xbb\xbf' ? beginning.subarray(3) : beginning;
}

function hashesOf(text: Buffer): Buffer[] {
  const hashes: Buffer[] = [];
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf(0x0a, start);
    const end = newline === -1 ? text.length : newline;
    const sha1 = hashOf(text.subarray(start, text[end - 1] === 0x0d && end > start ? end - 1 : end));
    if (sha1 !== undefined) hashes.push(sha1);
    start = end + 1;
  }
  return hashes;
}

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
