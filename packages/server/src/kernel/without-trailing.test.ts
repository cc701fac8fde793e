import { expect, it } from 'vitest';
import { withoutTrailing } from './without-trailing.ts';

it.each([
  ['https://store.example//', '/', 'https://store.example'],
  ['//a', '/', '//a'],
  ['///', '/', ''],
  ['', '/', ''],
])('of %j without %j remains %j', (text, character, rest) => {
  expect(withoutTrailing(text, character)).toBe(rest);
});

it('takes linear time', () => {
  const run = ' '.repeat(1_000_000);
  expect(withoutTrailing(`a${run}b${run}`, ' ')).toBe(`a${run}b`);
});
