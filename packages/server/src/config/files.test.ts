import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { diskFiles } from './files.ts';

describe('diskFiles', () => {
  it('distinguishes readable, absent and unreadable files', () => {
    expect(diskFiles(fileURLToPath(import.meta.url))).toMatchObject({ kind: 'text' });
    expect(diskFiles(fileURLToPath(new URL('absent', import.meta.url)))).toEqual({ kind: 'absent' });
    expect(diskFiles(fileURLToPath(new URL('.', import.meta.url)))).toEqual({ kind: 'unreadable', reason: 'EISDIR' });
  });
});
