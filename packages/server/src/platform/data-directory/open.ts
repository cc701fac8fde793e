import { constants, existsSync } from 'node:fs';
import { access, chmod, mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DataDirectoryError } from './error.ts';
import { type HeldLock, isLocked, takeLock } from './lock.ts';

const lockFile = 'lock';
const pidFile = 'lock.pid';

/** The data directory, open and locked by this process. */
export interface DataDirectory extends AsyncDisposable {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** Releases the lock; a second call has no effect. Close everything inside the directory first. */
  release(): Promise<void>;
}

/** The pid is for messages only: it may be outdated or of another container. */
export type LockState = { readonly kind: 'free' } | { readonly kind: 'held'; readonly pid: number | undefined };

/**
 * Creates the directory if it is missing, restricts it to this process's user, and locks it.
 *
 * @throws DataDirectoryError `unusable` (78) or `in_use` (1).
 */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  const directory = await preparePrivateDirectory(resolve(path));
  const lock = lockOf(directory);
  if (lock === undefined) throw await inUse(directory);
  const pid = join(directory, pidFile);
  try {
    await chmod(join(directory, lockFile), 0o600);
    await writeFile(pid, `${process.pid}\n`, { mode: 0o600 });
  } catch (error) {
    lock.release();
    throw unusable(directory, error);
  }
  let released = false;
  const release = async (): Promise<void> => {
    if (released) return;
    released = true;
    // The pid file first: once the lock is free, its next holder writes its own pid.
    await rm(pid, { force: true });
    lock.release();
  };
  return { path: directory, release, [Symbol.asyncDispose]: release };
}

/** Returns whether a process has the directory open, without creating or locking it. A missing directory is free. */
export async function lockState(path: string): Promise<LockState> {
  const directory = resolve(path);
  const lock = join(directory, lockFile);
  if (!existsSync(lock) || !isLocked(lock)) return { kind: 'free' };
  return { kind: 'held', pid: await readPid(directory) };
}

function lockOf(directory: string): HeldLock | undefined {
  try {
    return takeLock(join(directory, lockFile));
  } catch (error) {
    throw new DataDirectoryError(
      'unusable',
      `The data directory ${directory} is on a file system that does not support locks.`,
      {
        cause: error,
      },
    );
  }
}

async function inUse(directory: string): Promise<DataDirectoryError> {
  const pid = await readPid(directory);
  const holder = pid === undefined ? 'another process' : `process ${pid}`;
  return new DataDirectoryError('in_use', `The data directory ${directory} is in use by ${holder}.`);
}

async function readPid(directory: string): Promise<number | undefined> {
  const text = await readFile(join(directory, pidFile), 'utf8').catch((error: unknown) => {
    // The holder takes the lock before it writes its pid.
    if (codeOf(error) === 'ENOENT') return '';
    throw error;
  });
  return /^[1-9][0-9]{0,9}\n$/.test(text) ? Number(text) : undefined;
}

/**
 * Creates the directory if it is missing and restricts it to this process's user, without locking it. That is enough with
 * PostgreSQL, where several processes share the directory. Returns the real path.
 *
 * @throws DataDirectoryError `unusable` (78).
 */
export async function preparePrivateDirectory(path: string): Promise<string> {
  try {
    // PGlite creates world-readable files, so the directory must be restricted before they exist.
    await mkdir(path, { recursive: true, mode: 0o700 });
    const directory = await realpath(path);
    await requireOwnership(directory);
    await restrictToOwner(directory);
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return directory;
  } catch (error) {
    if (error instanceof DataDirectoryError) throw error;
    throw unusable(path, error);
  }
}

async function requireOwnership(directory: string): Promise<void> {
  const own = process.geteuid?.();
  const { uid } = await stat(directory);
  if (own === undefined || uid === own) return;
  throw new DataDirectoryError(
    'unusable',
    `The data directory ${directory} belongs to user id ${uid}, but this process runs as user id ${own}. ` +
      'Run it as that user, or set LATCHKEY_DATA_DIR to another directory.',
  );
}

/** Changes the mode only of an empty directory or one with our lock file: `LATCHKEY_DATA_DIR=/srv` must not chmod /srv. */
async function restrictToOwner(directory: string): Promise<void> {
  const { mode } = await stat(directory);
  if ((mode & 0o077) === 0) return;
  const names = await readdir(directory);
  if (names.length > 0 && !names.includes(lockFile)) {
    throw new DataDirectoryError(
      'unusable',
      `The data directory ${directory} contains other files and other users can enter it. ` +
        `Set LATCHKEY_DATA_DIR to an empty directory, or run chmod 700 ${directory}.`,
    );
  }
  await chmod(directory, 0o700);
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user has no write permission',
  EPERM: 'this user has no write permission',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a parent of the path is not a directory',
  EEXIST: 'it is not a directory',
  ENOSPC: 'the disk is full',
  ENAMETOOLONG: 'the name is too long',
};

function unusable(path: string, error: unknown): DataDirectoryError {
  const reason = reasons[codeOf(error)] ?? codeOf(error);
  return new DataDirectoryError('unusable', `The data directory ${path} cannot be used: ${reason}.`, { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
