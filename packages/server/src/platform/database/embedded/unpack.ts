import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import { readTar } from './tar.ts';

const decompress = promisify(zstdDecompress);

/** Bounds the memory that an archive can use. A larger cluster has outgrown PGlite. */
const maxUnpackedBytes = 2 ** 31;

/**
 * Unpacks a zstd-compressed tar archive as `directory`, which must not exist. It appears completely or not at all: the
 * files are written beside it and renamed, and the next attempt deletes those of an interrupted one. As in PGlite
 * itself, nothing is synced: this survives a crash of the process, not of the machine.
 *
 * @throws TarError when the archive is damaged.
 */
export async function unpackCluster(compressed: Uint8Array, directory: string): Promise<void> {
  const partial = `${directory}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const archive = await decompress(compressed, { maxOutputLength: maxUnpackedBytes });
  mkdirSync(partial, { mode: 0o700 });
  // Synchronous on purpose: a thousand small files take 0.1 s this way, and nothing else runs yet.
  const made = new Set<string>(['.']);
  for (const entry of readTar(archive)) {
    const parent = entry.kind === 'directory' ? entry.name : dirname(entry.name);
    if (!made.has(parent)) mkdirSync(join(partial, parent), { recursive: true, mode: 0o700 });
    made.add(parent);
    if (entry.kind === 'file') writeFileSync(join(partial, entry.name), entry.data, { mode: 0o600, flag: 'wx' });
  }
  await rename(partial, directory);
}
