/**
 * The format of a password filter: pages of 4,096 bytes, each ending in a CRC-32 of the bytes before it. The first page is
 * the header: the magic line, then at offset 32 the number of passwords and at 40 the number of data pages, each 8 bytes,
 * big-endian. A data page contains 63 blocks of 512 bits.
 *
 * The filter is a blocked Bloom filter (Putze, Sanders, Singler 2007): all bits of a password are in one block, so a
 * lookup reads one page. With 16 bits per password and 8 of them set, the rate of false positives is one in a thousand
 * (measured: 0.11 %); a user whose password is one chooses another. There are no false negatives.
 */
import { crc32 } from 'node:zlib';
import { assert } from '#kernel/assert.ts';

export const pageBytes = 4096;

const bitsPerPassword = 16;
const blockBits = 512;
const blocksPerPage = 63;
const setBitsPerPassword = 8;
const crcOffset = pageBytes - 4;
const magic = 'latchkey password filter 1\n';

/** The numbers in the header: passwords in the list, data pages in the file. */
export interface PasswordFilterHeader {
  readonly passwords: number;
  readonly pages: number;
}

/** The number of data pages for a list of this size, at least 1. */
export function pagesFor(passwords: number): number {
  return Math.max(1, Math.ceil((passwords * bitsPerPassword) / (blocksPerPage * blockBits)));
}

/** The size of the whole file in bytes. */
export function passwordFilterBytes({ pages }: PasswordFilterHeader): number {
  return (pages + 1) * pageBytes;
}

/** Encodes the header page. */
export function encodeHeader({ passwords, pages }: PasswordFilterHeader): Buffer {
  const page = Buffer.alloc(pageBytes);
  page.write(magic, 0, 'latin1');
  page.writeBigUInt64BE(BigInt(passwords), 32);
  page.writeBigUInt64BE(BigInt(pages), 40);
  writeChecksum(page);
  return page;
}

/** Returns undefined when the page is not a header of this format, or is damaged. */
export function decodeHeader(page: Buffer): PasswordFilterHeader | undefined {
  if (!isIntact(page) || page.toString('latin1', 0, magic.length) !== magic) return undefined;
  return { passwords: Number(page.readBigUInt64BE(32)), pages: Number(page.readBigUInt64BE(40)) };
}

/** Writes the checksum of a completed page. */
export function writeChecksum(page: Buffer): void {
  page.writeUInt32BE(crc32(page.subarray(0, crcOffset)), crcOffset);
}

/** Whether a page has its full length and the right checksum. */
export function isIntact(page: Buffer): boolean {
  return page.length === pageBytes && page.readUInt32BE(crcOffset) === crc32(page.subarray(0, crcOffset));
}

/** The index of the data page of a SHA-1, from 0. */
export function pageOf(sha1: Buffer, pages: number): number {
  return Math.floor((sha1.readUIntBE(0, 6) / 2 ** 48) * pages);
}

/** Sets the bits of a SHA-1 in its page. */
export function addToPage(page: Buffer, sha1: Buffer): void {
  for (const bit of bitsOf(sha1)) page.writeUInt8(page.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3);
}

/** Whether all bits of a SHA-1 are set in its page. */
export function isInPage(page: Buffer, sha1: Buffer): boolean {
  return bitsOf(sha1).every((bit) => (page.readUInt8(bit >> 3) & (1 << (bit & 7))) !== 0);
}

/** Bytes 0 to 5 of the SHA-1 choose the page, 6 and 7 the block, and each following group of 9 bits one of its 512 bits. */
function bitsOf(sha1: Buffer): number[] {
  assert(sha1.length === 20, 'a SHA-1 has 20 bytes');
  const block = (sha1.readUInt16BE(6) * blocksPerPage) >> 16;
  return Array.from({ length: setBitsPerPassword }, (_, index) => {
    const offset = 8 * 8 + index * 9;
    const bit = (sha1.readUInt16BE(offset >> 3) >> (7 - (offset & 7))) & (blockBits - 1);
    return block * blockBits + bit;
  });
}
