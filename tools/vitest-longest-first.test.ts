import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { longest } from './vitest-longest-first.ts';

it('names files that exist, each once', () => {
  expect(longest.filter((file) => !existsSync(new URL(`../${file}`, import.meta.url)))).toEqual([]);
  expect(new Set(longest).size).toBe(longest.length);
});
