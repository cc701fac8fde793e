import { createSecretKey } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKekOfDirectory, KeysUnusable, localKek, readKekOfDirectory } from './kek.ts';

let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'latchkey-kek-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('createKekOfDirectory', () => {
  it('generates the KEK once, readable by its owner only', () => {
    const generated = createKekOfDirectory(directory);
    expect(statSync(join(directory, 'kek')).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['kek']);
    expect(createKekOfDirectory(directory).id).toBe(generated.id);
  });

  it('returns the same KEK to concurrent callers', async () => {
    const source = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(({ createKekOfDirectory }) => {
        parentPort.once('message', () => parentPort.postMessage(createKekOfDirectory(workerData.directory).id));
        parentPort.postMessage('ready');
      });`;
    const workerData = { module: new URL('./kek.ts', import.meta.url).href, directory };
    const workers = Array.from({ length: 3 }, () => new Worker(source, { eval: true, workerData }));
    const nextMessage = (worker: Worker) => new Promise((resolve) => worker.once('message', resolve));
    await Promise.all(workers.map(nextMessage));
    const ids = workers.map(nextMessage);
    for (const worker of workers) worker.postMessage('go');
    expect(new Set(await Promise.all(ids))).toEqual(new Set([createKekOfDirectory(directory).id]));
    await Promise.all(workers.map((worker) => worker.terminate()));
  });

  it('never replaces a malformed file', () => {
    writeFileSync(join(directory, 'kek'), 'c2hvcnQ=\n');
    expect(() => createKekOfDirectory(directory)).toThrow(KeysUnusable);
    expect(readFileSync(join(directory, 'kek'), 'utf8')).toBe('c2hvcnQ=\n');
  });

  it('reports why the file cannot be read or created', () => {
    mkdirSync(join(directory, 'kek'));
    expect(() => createKekOfDirectory(directory)).toThrow(/cannot be read or created \(EISDIR\)\.$/);
    expect(() => createKekOfDirectory(join(directory, 'absent'))).toThrow(/cannot be read or created \(ENOENT\)\.$/);
  });
});

describe('readKekOfDirectory', () => {
  it('returns the KEK of the file, and creates neither a file nor a directory', () => {
    const absent = join(directory, 'absent');
    for (const path of [directory, absent]) {
      expect(() => readKekOfDirectory(path)).toThrow(/kek does not exist\. Restore it/);
    }
    expect(readdirSync(directory)).toEqual([]);
    const created = createKekOfDirectory(directory);
    expect(readKekOfDirectory(directory).id).toBe(created.id);
  });
});

describe('localKek', () => {
  it('unwraps only with the context of the wrapping', async () => {
    const kek = localKek(createSecretKey(Buffer.alloc(32, 1)));
    const wrapped = await kek.wrap(Buffer.from('key'), ['a', 'b']);
    expect(await kek.unwrap(wrapped, ['a', 'b'])).toEqual(Buffer.from('key'));
    await expect(kek.unwrap(wrapped, ['ab'])).rejects.toThrow();
  });

  it('has an id that depends on the key only', () => {
    const id = (fill: number) => localKek(createSecretKey(Buffer.alloc(32, fill))).id;
    expect(id(1)).toBe(id(1));
    expect(id(1)).not.toBe(id(2));
  });

  it('rejects keys that do not have 32 bytes', () => {
    expect(() => localKek(createSecretKey(Buffer.alloc(16)))).toThrow(KeysUnusable);
  });
});
