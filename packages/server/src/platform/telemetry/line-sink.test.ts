import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { LineSink } from './line-sink.ts';

const directory = mkdtempSync(join(tmpdir(), 'latchkey-line-sink-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;

function openFile() {
  files += 1;
  const path = join(directory, `log-${files}`);
  const fd = openSync(path, 'a');
  return { fd, read: () => readFileSync(path, 'utf8') };
}

describe('LineSink', () => {
  it('writes every line once and in order', async () => {
    const { fd, read } = openFile();
    const sink = new LineSink(fd);
    const lines = Array.from({ length: 5000 }, (_, index) => `${index} ü ${'x'.repeat(100)}\n`);
    for (const line of lines) sink.write(line);
    await vi.waitFor(() => expect(read()).toBe(lines.join('')));
    closeSync(fd);
  });

  it('writes a single line by itself', async () => {
    const { fd, read } = openFile();
    new LineSink(fd).write('one\n');
    await vi.waitFor(() => expect(read()).toBe('one\n'));
    closeSync(fd);
  });

  it('has written everything when flushSync returns, also a write in progress', async () => {
    const { fd, read } = openFile();
    const sink = new LineSink(fd);
    sink.write('a\n');
    sink.flushSync();
    expect(read()).toBe('a\n');
    sink.write('b\n');
    sink.flushSync();
    sink.flushSync();
    expect(read()).toBe('a\nb\n');
    closeSync(fd);
  });

  it('writes whole lines at once when other processes write to the same pipe', async () => {
    const { fd, read } = openFile();
    const sink = new LineSink(fd, { isShared: true });
    const lines = Array.from({ length: 300 }, (_, index) => `${index} ${'x'.repeat(index === 50 ? 9000 : 100)}\n`);
    const writes: string[] = [];
    let length = 0;
    for (const line of lines) sink.write(line);
    await vi.waitFor(() => {
      const text = read();
      if (text.length > length) writes.push(text.slice(length));
      length = text.length;
      expect(text).toBe(lines.join(''));
    });
    expect(writes.every((each) => each.endsWith('\n'))).toBe(true);
    for (const line of lines) sink.write(line);
    sink.flushSync();
    expect(read()).toBe(lines.join('').repeat(2));
    closeSync(fd);
  });

  it('lets the process end when the reader is gone', () => {
    const { fd } = openFile();
    closeSync(fd);
    const sink = new LineSink(fd);
    sink.write('a\n');
    expect(() => sink.flushSync()).not.toThrow();
  });
});
