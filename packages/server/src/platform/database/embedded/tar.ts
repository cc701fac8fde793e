/**
 * A reader for the tar archives that PGlite writes (POSIX ustar, pax(1) in IEEE Std 1003.1): files and directories. It
 * rejects every other entry, so unpacking never writes outside its directory.
 */

/** The archive is damaged, or has an entry that no cluster has. */
export class TarError extends Error {
  override name = 'TarError';
}

/** A file or a directory. The name is relative, without a slash at either end. */
export type TarEntry =
  | { readonly kind: 'file'; readonly name: string; readonly data: Uint8Array }
  | { readonly kind: 'directory'; readonly name: string };

const recordBytes = 512;

/**
 * The entries in the order of the archive; the data are views into `archive`.
 *
 * @throws TarError
 */
export function* readTar(archive: Uint8Array): Generator<TarEntry> {
  let offset = 0;
  while (offset + recordBytes <= archive.length) {
    const header = archive.subarray(offset, offset + recordBytes);
    if (header.every((byte) => byte === 0)) return;
    requireChecksum(header);
    const size = octal(header, 124, 12);
    const start = offset + recordBytes;
    if (start + size > archive.length) throw new TarError('the archive ends in the middle of a file');
    const entry = entryOf(header, archive.subarray(start, start + size));
    if (entry !== undefined) yield entry;
    offset = start + Math.ceil(size / recordBytes) * recordBytes;
  }
  throw new TarError('the archive has no end');
}

function entryOf(header: Uint8Array, data: Uint8Array): TarEntry | undefined {
  const prefix = text(header, 345, 155);
  const name = relativeName(prefix === '' ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`);
  const type = text(header, 156, 1);
  if (type === '0' || type === '') return { kind: 'file', name: requireName(name), data };
  if (type !== '5') throw new TarError(`an entry of type ${JSON.stringify(type)}`);
  // The root needs no entry.
  return name === '' ? undefined : { kind: 'directory', name };
}

/** PGlite's names are absolute within the cluster. */
function relativeName(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new TarError(`an entry leaves the archive: ${JSON.stringify(name)}`);
  return parts.join('/');
}

function requireName(name: string): string {
  if (name === '') throw new TarError('a file without a name');
  return name;
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end)).toString('latin1');
}

function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw new TarError(`not an octal number: ${JSON.stringify(digits)}`);
  return Number.parseInt(digits, 8);
}

/** The sum of all bytes of the header; the eight of the checksum count as spaces. */
function requireChecksum(header: Uint8Array): void {
  let sum = 8 * 0x20;
  for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
  if (octal(header, 148, 8) !== sum) throw new TarError('a header does not have its checksum');
}
