import { describe, expect, it } from 'vitest';
import { commentsOf, countWords, opensVaguely, partOf } from './comments.ts';
import { parseSource } from './source.ts';

const read = (text: string) => commentsOf(parseSource('a.ts', text));

describe('comments', () => {
  it('are read without their markers, successive line comments as one', () => {
    const text = '/**\n * One.\n * Two.\n */\nf();\n// Three\n// four.\n\n// Five.\n';
    expect(read(text)).toEqual([
      { path: 'a.ts', line: 1, text: 'One.\nTwo.' },
      { path: 'a.ts', line: 6, text: 'Three\nfour.' },
      { path: 'a.ts', line: 9, text: 'Five.' },
    ]);
  });

  it('of a linter are none', () => {
    expect(read('// biome-ignore lint/x: somebody says so\nf();')).toEqual([]);
  });

  it('count vague words, but not in code and quotations', () => {
    const comments = read('// Somebody reads `who` and "nobody says so"\n');
    expect(countWords(comments)).toEqual({ words: 3, vague: 1 });
  });

  it.each([
    ['What the server needs.', true],
    ['Where a statement runs.', true],
    ['Whether the key is active.', false],
    ['The lane of a statement.', false],
  ])('%j opens vaguely: %s', (text, expected) => {
    expect(read(`/** ${text} */`).map(opensVaguely)).toEqual([expected]);
  });

  it.each([
    ['packages/server/src/domain/users/index.ts', 'packages/server/src/domain'],
    ['packages/server/test/races/a.ts', 'packages/server/test'],
    ['tools/proofs/a.ts', 'tools'],
    ['vitest.config.ts', '.'],
  ])('%s belongs to %s', (path, part) => {
    expect(partOf(path)).toBe(part);
  });
});
