import { describe, expect, it } from 'vitest';
import { checkComments, commentsOf, countWords, opensVaguely, partOf } from './comments.ts';
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

  it('are rejected when they open with a relative clause', () => {
    expect(checkComments(read('// Reads it.\n\n// What it reads.\n'))).toEqual([
      'a.ts:3: a comment opens with its subject, not with "What"',
    ]);
  });

  it('are rejected when more than 3 of 1,000 words of a part are vague', () => {
    const plain = 'word '.repeat(997);
    expect(checkComments(read(`// ${plain} says tells asks`))).toEqual([]);
    expect(checkComments(read(`// ${plain} says tells asks nobody`))).toEqual([
      '.: 4 vague words in 1001 of comments; 3 in 1,000 are allowed; "node bin/run.cjs tools/comment-words.ts ." lists them',
    ]);
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
