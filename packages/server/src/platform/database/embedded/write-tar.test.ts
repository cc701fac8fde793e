import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTar, TarError } from './tar.ts';
import { writeTar } from './write-tar.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-tar-'));
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('writeTar', () => {
  it('writes what readTar reads: empty directories, empty files, and files across chunks', async () => {
    mkdirSync(join(directory, 'a', 'empty'), { recursive: true });
    const sizes = [0, 1, 511, 512, 513, 256 * 1024, 256 * 1024 + 1, 700_000];
    for (const size of sizes) writeFileSync(join(directory, 'a', `f${size}`), Buffer.alloc(size, size % 251));
    const entries = [...readTar(await buffer(writeTar(directory)))];
    const directories = entries.filter((entry) => entry.kind === 'directory').map((entry) => entry.name);
    expect(directories.sort()).toEqual(['a', 'a/empty']);
    const files = new Map(entries.map((entry) => [entry.name, entry.kind === 'file' ? Buffer.from(entry.data) : null]));
    for (const size of sizes) expect(files.get(`a/f${size}`)?.equals(Buffer.alloc(size, size % 251))).toBe(true);
  });

  it('writes what tar(1) reads', async () => {
    mkdirSync(join(directory, 'd'));
    writeFileSync(join(directory, 'd', 'f'), 'content');
    const archive = await buffer(writeTar(directory));
    expect(execFileSync('tar', ['-tf', '-'], { input: archive, encoding: 'utf8' })).toBe('d\nd/f\n');
    expect(execFileSync('tar', ['-xOf', '-', 'd/f'], { input: archive, encoding: 'utf8' })).toBe('content');
  });

  it('rejects a name that is too long', async () => {
    writeFileSync(join(directory, 'n'.repeat(101)), '');
    await expect(buffer(writeTar(directory))).rejects.toThrow(TarError);
  });
});
