import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectoryError, lockState, openDataDirectory, preparePrivateDirectory } from './index.ts';

/** A program that opens the directory, prints `held` or the error's reason, and runs while its standard input is open. */
const holder = `
  const { openDataDirectory } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
  const outcome = await openDataDirectory(process.argv[1]).then(() => 'held', (error) => error.reason);
  process.stdout.write(outcome + '\\n');
  if (outcome === 'held') process.stdin.resume();
`;

let root: string;
let path: string;
const processes: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-directory-'));
  path = join(root, 'data');
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map(killProcess));
  rmSync(root, { recursive: true });
});

async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Starts the program above; returns the process and the word it printed. */
async function startHolder(): Promise<{ child: ChildProcess; outcome: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', holder, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  processes.push(child);
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, outcome: data.toString().trim() };
}

async function openingError(): Promise<DataDirectoryError> {
  const error: unknown = await openDataDirectory(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DataDirectoryError) return error;
  throw new Error('the directory was opened', { cause: error });
}

const modeOf = (file: string): number => statSync(file).mode & 0o777;

describe('openDataDirectory', () => {
  it('creates the directory and its files for the process’s own user only', async () => {
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
    expect(modeOf(join(path, 'lock'))).toBe(0o600);
    expect(modeOf(join(path, 'lock.pid'))).toBe(0o600);
  });

  it('creates missing parent directories', async () => {
    path = join(root, 'a', 'b', 'c');
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
  });

  it('resolves symbolic links', async () => {
    mkdirSync(join(root, 'real'), { mode: 0o700 });
    symlinkSync(join(root, 'real'), path);
    await using directory = await openDataDirectory(path);
    expect(directory.path.endsWith('/real')).toBe(true);
  });

  it('restricts an empty directory that other users could enter', async () => {
    mkdirSync(path);
    chmodSync(path, 0o755);
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
  });

  it('restricts its own directory after a chmod to 777', async () => {
    await (await openDataDirectory(path)).release();
    chmodSync(path, 0o777);
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
  });

  it('rejects a directory with other files that other users can enter, and does not change it', async () => {
    mkdirSync(path);
    chmodSync(path, 0o755);
    writeFileSync(join(path, 'letter.txt'), '');
    const error = await openingError();
    expect(error.exitCode).toBe(78);
    expect(error.message).toContain('chmod 700');
    expect(modeOf(path)).toBe(0o755);
  });

  it('rejects a path that is a file', async () => {
    writeFileSync(path, '');
    const error = await openingError();
    expect([error.reason, error.exitCode]).toEqual(['unusable', 78]);
    expect(error.message).toBe(`The data directory ${path} cannot be used: it is not a directory.`);
  });

  it('rejects a path below a file', async () => {
    writeFileSync(path, '');
    path = join(path, 'below');
    expect((await openingError()).message).toBe(
      `The data directory ${path} cannot be used: a parent of the path is not a directory.`,
    );
  });

  it('rejects a directory that belongs to another user', async () => {
    // Only root can change the owner of a directory; for other users, the file system's root belongs to another user.
    if (process.geteuid?.() === 0) {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, 12345, 12345);
    } else path = '/';
    const error = await openingError();
    expect(error.exitCode).toBe(78);
    expect(error.message).toMatch(/belongs to user id (0|12345), but this process runs as user id/);
  });

  it('rejects a second opening in the same process, and keeps the first one locked', async () => {
    await using directory = await openDataDirectory(path);
    const error = await openingError();
    expect([error.reason, error.exitCode]).toEqual(['in_use', 1]);
    expect(error.message).toBe(`The data directory ${directory.path} is in use by process ${process.pid}.`);
    expect((await startHolder()).outcome).toBe('in_use');
  });

  it('can be opened again after release, and a second release has no effect', async () => {
    const directory = await openDataDirectory(path);
    await directory.release();
    await using second = await openDataDirectory(path);
    await directory.release();
    expect(await lockState(second.path)).toEqual({ kind: 'held', pid: process.pid });
  });

  it('succeeds in exactly one of ten concurrent processes', { timeout: 30_000 }, async () => {
    const holders = await Promise.all(Array.from({ length: 10 }, startHolder));
    expect(holders.map(({ outcome }) => outcome).sort((a, b) => a.localeCompare(b))).toEqual([
      'held',
      ...Array.from({ length: 9 }, () => 'in_use'),
    ]);
  });

  it('succeeds after kill -9 of the holder, although its pid file still exists', async () => {
    const { child, outcome } = await startHolder();
    expect(outcome).toBe('held');
    await killProcess(child);
    expect(statSync(join(path, 'lock.pid')).size).toBeGreaterThan(0);
    await using directory = await openDataDirectory(path);
    expect(await lockState(directory.path)).toEqual({ kind: 'held', pid: process.pid });
  });

  it('ignores a stale pid file that names a running process', async () => {
    await (await openDataDirectory(path)).release();
    writeFileSync(join(path, 'lock.pid'), '1\n');
    await using directory = await openDataDirectory(path);
    expect(await lockState(directory.path)).toEqual({ kind: 'held', pid: process.pid });
  });
});

describe('preparePrivateDirectory', () => {
  it('creates a directory for the process’s own user only, without locking it', async () => {
    const [first, second] = await Promise.all([preparePrivateDirectory(path), preparePrivateDirectory(path)]);
    expect(first).toBe(second);
    expect(modeOf(first)).toBe(0o700);
    expect(await lockState(first)).toEqual({ kind: 'free' });
  });
});

describe('lockState', () => {
  it('is free for a missing directory, which it does not create', async () => {
    expect(await lockState(path)).toEqual({ kind: 'free' });
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('has the pid of the holder, and is free after the holder has died', async () => {
    const { child } = await startHolder();
    expect(await lockState(path)).toEqual({ kind: 'held', pid: child.pid });
    await killProcess(child);
    expect(await lockState(path)).toEqual({ kind: 'free' });
  });

  it('does not release the lock of its own process', async () => {
    await using directory = await openDataDirectory(path);
    expect((await lockState(directory.path)).kind).toBe('held');
    expect((await startHolder()).outcome).toBe('in_use');
  });
});
