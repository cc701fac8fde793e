import { chmod, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { DataDirectoryError } from '#platform/data-directory/index.ts';

/** `sun_path` with its closing zero has 108 bytes on Linux and 104 on the BSDs and macOS (unix(7)). */
const maxPathBytes = process.platform === 'linux' ? 107 : 103;

const temporaryPrefix = 'latchkey-control-';

/** The path that a client connects to, or undefined when there is none that can be trusted. */
export async function findSocket(dataDirectory: string): Promise<string | undefined> {
  const recorded = await readRecord(dataDirectory);
  if (recorded === undefined) {
    const own = join(dataDirectory, 'control.sock');
    return fits(own) ? own : undefined;
  }
  // After a sweep of temporary files another user could create a directory of this name and receive a password.
  const [directory, owner] = await Promise.all([stat(dirname(recorded)).catch(unlessMissing), stat(dataDirectory)]);
  if (directory === undefined || directory.uid !== owner.uid || (directory.mode & 0o077) !== 0) return undefined;
  return recorded;
}

/**
 * Removes what an earlier process left and returns the path to listen on. The caller holds the directory's lock.
 *
 * @throws DataDirectoryError when no path is short enough for a socket.
 */
export async function prepareSocket(dataDirectory: string): Promise<string> {
  await removeSocket(dataDirectory);
  const own = join(dataDirectory, 'control.sock');
  if (fits(own)) return own;
  const directory = await mkdtemp(join(tmpdir(), temporaryPrefix));
  await chmod(directory, 0o700);
  const path = join(directory, 's');
  if (!fits(path)) {
    await rm(directory, { recursive: true });
    throw new DataDirectoryError(
      'unusable',
      `The paths of the data directory ${dataDirectory} and of the temporary directory are both too long for a socket ` +
        `(${maxPathBytes} bytes): choose a shorter one.`,
    );
  }
  const record = join(dataDirectory, 'control.path');
  await writeFile(`${record}.partial`, path, { mode: 0o600 });
  await rename(`${record}.partial`, record);
  return path;
}

/** Removes the socket and, where it is in the temporary directory, its own directory there. */
export async function removeSocket(dataDirectory: string): Promise<void> {
  await rm(join(dataDirectory, 'control.sock'), { force: true });
  const recorded = await readRecord(dataDirectory);
  if (recorded === undefined) return;
  const directory = dirname(recorded);
  if (basename(directory).startsWith(temporaryPrefix)) await rm(directory, { recursive: true, force: true });
  await rm(join(dataDirectory, 'control.path'));
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= maxPathBytes;
}

function readRecord(dataDirectory: string): Promise<string | undefined> {
  return readFile(join(dataDirectory, 'control.path'), 'utf8').catch(unlessMissing);
}

function unlessMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
