/**
 * The file: pages of 4,096 bytes, each ending in the CRC-32 of what stands before. The first page is the header: the
 * magic line, at 32 the number of passwords and at 40 the number of pages of bits, each 8 bytes, big-endian. Every other
 * page holds 63 blocks of 512 bits.
 *
 * A blocked Bloom filter (Putze, Sanders, Singler 2007): all bits of one password stand in one block, so that a question
 * costs one read. With 16 bits a password and 8 of them set, about one password in a thousand that is not in the list is
 * taken for one that is (measured: 0.11 %); whoever chose it chooses another. None in the list is ever missed.
 */
import { crc32 } from 'node:zlib';
import { assert } from '#kernel/assert.ts';

export const pageBytes = 4096;

const bitsPerPassword = 16;
const blockBits = 512;
const blocksPerPage = 63;
const bitsOfPassword = 8;
const crcOffset = pageBytes - 4;
const magic = 'latchkey password filter 1\n';

/** What the header says. */
export interface FilterHeader {
  readonly passwords: number;
  readonly pages: number;
}

/** Pages for so many passwords; an empty list has one. */
export function pagesFor(passwords: number): number {
  return Math.max(1, Math.ceil((passwords * bitsPerPassword) / (blocksPerPage * blockBits)));
}

/** How large the file is. */
export function filterBytes({ pages }: FilterHeader): number {
  return (pages + 1) * pageBytes;
}

/** The header as its page. */
export function writeHeader({ passwords, pages }: FilterHeader): Buffer {
  const page = Buffer.alloc(pageBytes);
  page.write(magic, 0, 'latin1');
  page.writeBigUInt64BE(BigInt(passwords), 32);
  page.writeBigUInt64BE(BigInt(pages), 40);
  sealPage(page);
  return page;
}

/** Undefined when the page is no header of ours, or damaged. */
export function readHeader(page: Buffer): FilterHeader | undefined {
  if (!isIntact(page) || page.toString('latin1', 0, magic.length) !== magic) return undefined;
  return { passwords: Number(page.readBigUInt64BE(32)), pages: Number(page.readBigUInt64BE(40)) };
}

/** Writes the checksum of a page that is complete. */
export function sealPage(page: Buffer): void {
  page.writeUInt32BE(crc32(page.subarray(0, crcOffset)), crcOffset);
}

/** Whether a page is as it was written. */
export function isIntact(page: Buffer): boolean {
  return page.length === pageBytes && page.readUInt32BE(crcOffset) === crc32(page.subarray(0, crcOffset));
}

/** Which page of bits a SHA-1 belongs to, from 0. */
export function pageOf(sha1: Buffer, pages: number): number {
  return Math.floor((sha1.readUIntBE(0, 6) / 2 ** 48) * pages);
}

/** Sets a password's bits in its page. */
export function addTo(page: Buffer, sha1: Buffer): void {
  for (const bit of bitsOf(sha1)) page.writeUInt8(page.readUInt8(bit >> 3) | (1 << (bit & 7)), bit >> 3);
}

/** Whether all of a password's bits are set in its page. */
export function isIn(page: Buffer, sha1: Buffer): boolean {
  return bitsOf(sha1).every((bit) => (page.readUInt8(bit >> 3) & (1 << (bit & 7))) !== 0);
}

/** Bytes 0 to 5 choose the page, 6 and 7 the block, and each 9 bits of the rest one of its 512. */
function bitsOf(sha1: Buffer): number[] {
  assert(sha1.length === 20, 'a SHA-1 has 20 bytes');
  const block = (sha1.readUInt16BE(6) * blocksPerPage) >> 16;
  return Array.from({ length: bitsOfPassword }, (_, index) => {
    const offset = 8 * 8 + index * 9;
    const bit = (sha1.readUInt16BE(offset >> 3) >> (7 - (offset & 7))) & (blockBits - 1);
    return block * blockBits + bit;
  });
}
