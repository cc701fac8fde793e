import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataDirectoryError, lockState, openDataDirectory, preparePrivateDirectory } from './index.ts';

/** A process that opens the directory, says in one word what came of it, and holds on while its standard input is open. */
const holder = `
  const { openDataDirectory } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
  const said = await openDataDirectory(process.argv[1]).then(() => 'held', (error) => error.reason);
  process.stdout.write(said + '\\n');
  if (said === 'held') process.stdin.resume();
`;

let root: string;
let path: string;
const processes: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-directory-'));
  path = join(root, 'data');
});

afterEach(async () => {
  await Promise.all(processes.splice(0).map(kill));
  rmSync(root, { recursive: true });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Starts a process that opens the directory; answers the process and its one word. */
async function startHolder(): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', holder, path], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  processes.push(child);
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, said: data.toString().trim() };
}

async function refusal(): Promise<DataDirectoryError> {
  const error: unknown = await openDataDirectory(path).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DataDirectoryError) return error;
  throw new Error('the directory was not refused', { cause: error });
}

const modeOf = (file: string): number => statSync(file).mode & 0o777;

describe('openDataDirectory', () => {
  it('creates the directory and its files for our own user only', async () => {
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
    expect(modeOf(join(path, 'lock'))).toBe(0o600);
    expect(modeOf(join(path, 'lock.pid'))).toBe(0o600);
  });

  it('creates the directories above it too', async () => {
    path = join(root, 'a', 'b', 'c');
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
  });

  it('answers the real path of a symbolic link', async () => {
    mkdirSync(join(root, 'real'), { mode: 0o700 });
    symlinkSync(join(root, 'real'), path);
    await using directory = await openDataDirectory(path);
    expect(directory.path.endsWith('/real')).toBe(true);
  });

  it('closes an empty directory that others could enter', async () => {
    mkdirSync(path);
    chmodSync(path, 0o755);
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
  });

  it('closes a directory of its own that somebody has opened to others', async () => {
    await (await openDataDirectory(path)).release();
    chmodSync(path, 0o777);
    await using directory = await openDataDirectory(path);
    expect(modeOf(directory.path)).toBe(0o700);
  });

  it('refuses, and leaves alone, a directory of others that holds other files', async () => {
    mkdirSync(path);
    chmodSync(path, 0o755);
    writeFileSync(join(path, 'letter.txt'), '');
    const error = await refusal();
    expect(error.exitCode).toBe(78);
    expect(error.message).toContain('chmod 700');
    expect(modeOf(path)).toBe(0o755);
  });

  it('says in one sentence that the path is a file', async () => {
    writeFileSync(path, '');
    const error = await refusal();
    expect([error.reason, error.exitCode]).toEqual(['unusable', 78]);
    expect(error.message).toBe(`The data directory ${path} cannot be used: it is not a directory.`);
  });

  it('says in one sentence that a part of the path is a file', async () => {
    writeFileSync(path, '');
    path = join(path, 'below');
    expect((await refusal()).message).toBe(
      `The data directory ${path} cannot be used: a part of the path is not a directory.`,
    );
  });

  it('refuses a directory of another user', async () => {
    // Only root can give a directory away; everybody else finds one of root's in the root directory.
    if (process.geteuid?.() === 0) {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, 12345, 12345);
    } else path = '/';
    const error = await refusal();
    expect(error.exitCode).toBe(78);
    expect(error.message).toMatch(/belongs to user id (0|12345) and this process runs as user id/);
  });

  it('refuses a second opening in the same process, and the first stays locked', async () => {
    await using directory = await openDataDirectory(path);
    const error = await refusal();
    expect([error.reason, error.exitCode]).toEqual(['in_use', 1]);
    expect(error.message).toBe(`The data directory ${directory.path} is in use by process ${process.pid}.`);
    expect((await startHolder()).said).toBe('in_use');
  });

  it('lets the next one in after release, however often release is called', async () => {
    const directory = await openDataDirectory(path);
    await directory.release();
    await using second = await openDataDirectory(path);
    await directory.release();
    expect(await lockState(second.path)).toEqual({ kind: 'held', pid: process.pid });
  });

  it('lets exactly one of ten processes win that start at once', { timeout: 30_000 }, async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, startHolder));
    expect(answers.map((answer) => answer.said).sort((a, b) => a.localeCompare(b))).toEqual([
      'held',
      ...Array.from({ length: 9 }, () => 'in_use'),
    ]);
  });

  it('takes over after kill -9 of the holder, whose pid file is still there', async () => {
    const { child, said } = await startHolder();
    expect(said).toBe('held');
    await kill(child);
    expect(statSync(join(path, 'lock.pid')).size).toBeGreaterThan(0);
    await using directory = await openDataDirectory(path);
    expect(await lockState(directory.path)).toEqual({ kind: 'held', pid: process.pid });
  });

  it('is not fooled by a pid file that names a living process', async () => {
    await (await openDataDirectory(path)).release();
    writeFileSync(join(path, 'lock.pid'), '1\n');
    await using directory = await openDataDirectory(path);
    expect(await lockState(directory.path)).toEqual({ kind: 'held', pid: process.pid });
  });
});

describe('preparePrivateDirectory', () => {
  it('makes a directory for our own user only, which several processes may share', async () => {
    const [first, second] = await Promise.all([preparePrivateDirectory(path), preparePrivateDirectory(path)]);
    expect(first).toBe(second);
    expect(modeOf(first)).toBe(0o700);
    expect(await lockState(first)).toEqual({ kind: 'free' });
  });
});

describe('lockState', () => {
  it('finds a missing directory free and creates nothing', async () => {
    expect(await lockState(path)).toEqual({ kind: 'free' });
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('names the process that holds the directory, and free after its death', async () => {
    const { child } = await startHolder();
    expect(await lockState(path)).toEqual({ kind: 'held', pid: child.pid });
    await kill(child);
    expect(await lockState(path)).toEqual({ kind: 'free' });
  });

  it('does not drop the lock of the process that asks about itself', async () => {
    await using directory = await openDataDirectory(path);
    expect((await lockState(directory.path)).kind).toBe('held');
    expect((await startHolder()).said).toBe('in_use');
  });
});
