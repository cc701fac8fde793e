import { createSecretKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeysUnusable, kekOfDirectory, localKek } from './kek.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-kek-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('the key-encryption key of a directory', () => {
  it('is made once, readable by its owner only, and found again', () => {
    const made = kekOfDirectory(directory);
    expect(statSync(join(directory, 'kek')).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['kek']);
    expect(kekOfDirectory(directory).id).toBe(made.id);
  });

  it('is the same for all who make it at once', async () => {
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ kekOfDirectory }) => {
        parentPort.once('message', () => parentPort.postMessage(kekOfDirectory(workerData.directory).id));
        parentPort.postMessage('ready');
      });`;
    const workerData = { module: new URL('./kek.ts', import.meta.url).href, directory };
    const workers = Array.from({ length: 3 }, () => new Worker(source, { eval: true, workerData }));
    const answer = (worker: Worker) => new Promise((resolve) => worker.once('message', resolve));
    await Promise.all(workers.map(answer));
    const ids = workers.map(answer);
    for (const worker of workers) worker.postMessage('go');
    expect(new Set(await Promise.all(ids))).toEqual(new Set([kekOfDirectory(directory).id]));
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  it('that is spoiled is never replaced', () => {
    writeFileSync(join(directory, 'kek'), 'c2hvcnQ=\n');
    expect(() => kekOfDirectory(directory)).toThrow(KeysUnusable);
    expect(readFileSync(join(directory, 'kek'), 'utf8')).toBe('c2hvcnQ=\n');
  });

  it('that cannot be read is one sentence', () => {
    mkdirSync(join(directory, 'kek'));
    expect(() => kekOfDirectory(directory)).toThrow(/cannot be read or created \(EISDIR\)$/);
    expect(() => kekOfDirectory(join(directory, 'absent'))).toThrow(/cannot be read or created \(ENOENT\)$/);
  });
});

describe('a key-encryption key', () => {
  it('unwraps only for the context that it wrapped for', async () => {
    const kek = localKek(createSecretKey(Buffer.alloc(32, 1)));
    const wrapped = await kek.wrap(Buffer.from('key'), ['a', 'b']);
    expect(await kek.unwrap(wrapped, ['a', 'b'])).toEqual(Buffer.from('key'));
    await expect(kek.unwrap(wrapped, ['ab'])).rejects.toThrow();
  });

  it('is named by an id that stays and that differs between keys', () => {
    const id = (fill: number) => localKek(createSecretKey(Buffer.alloc(32, fill))).id;
    expect(id(1)).toBe(id(1));
    expect(id(1)).not.toBe(id(2));
  });

  it('has 32 bytes', () => {
    expect(() => localKek(createSecretKey(Buffer.alloc(16)))).toThrow(KeysUnusable);
  });
});
