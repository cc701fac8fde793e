import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TarError } from './tar.ts';

const recordBytes = 512;
const chunkBytes = 256 * 1024;

/**
 * A directory as a tar archive (POSIX ustar) in chunks, so that memory does not grow with the cluster: PGlite's own
 * dump needed 500 MB for a cluster of 60 MB. Nothing in the directory may change meanwhile.
 *
 * @throws TarError for a name of more than 100 bytes, which no cluster has.
 */
export async function* writeTar(directory: string): AsyncGenerator<Buffer> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    if (entry.isDirectory()) yield header(name, 0, '5');
    if (entry.isFile()) yield* file(path, name);
  }
  // Two empty records end an archive.
  yield Buffer.alloc(2 * recordBytes);
}

async function* file(path: string, name: string): AsyncGenerator<Buffer> {
  await using handle = await open(path, 'r');
  const { size } = await handle.stat();
  yield header(name, size, '0');
  for (let offset = 0; offset < size; ) {
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, size - offset));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
    if (bytesRead === 0) throw new TarError(`${name} became shorter while it was read`);
    offset += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  yield Buffer.alloc((recordBytes - (size % recordBytes)) % recordBytes);
}

function header(name: string, size: number, type: '0' | '5'): Buffer {
  if (Buffer.byteLength(name) > 100) throw new TarError(`a name that is too long: ${name}`);
  const block = Buffer.alloc(recordBytes);
  block.write(name, 0);
  block.write(type === '5' ? '0000700\0' : '0000600\0', 100);
  block.write(`${octal(size)}\0`, 124);
  block.write(`${octal(0)}\0`, 136);
  // The checksum is computed as if its own bytes were spaces.
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function octal(number: number): string {
  return number.toString(8).padStart(11, '0');
}
