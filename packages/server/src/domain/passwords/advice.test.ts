import { afterAll, expect, it } from 'vitest';
import { Adviser } from './advice.ts';

const adviser = new Adviser({ timeoutMs: 60_000 });

afterAll(() => adviser.close());

it.each([
  ['qwertyuiop12', 'common'],
  ['zxcvbnmzxcvbnm', 'repeats'],
  ['abcdefghijkl', 'sequences'],
  ['aaaaaaaaaaaa', 'repeats'],
  ['correct horse battery staple', undefined],
])('advises on %s: %s', async (password, advice) => {
  expect(await adviser.advise(password, [])).toBe(advice);
});

it('recognizes context words', async () => {
  expect(await adviser.advise('lovelace', ['lovelace'])).toBe('names');
});

it('gives no advice to further requests while four wait, and serves those in order', async () => {
  const requests = Array.from({ length: 20 }, () => adviser.advise('abcdefghijkl', []));
  const results = await Promise.all(requests);
  expect(results.slice(4).every((advice) => advice === undefined)).toBe(true);
  expect(results[0]).toBe('sequences');
  expect(await adviser.advise('abcdefghijkl', [])).toBe('sequences');
});

it('starts a new worker after it was closed', async () => {
  await adviser.advise('abcdefghijkl', []);
  await adviser.close();
  expect(await adviser.advise('abcdefghijkl', [])).toBe('sequences');
});

it('returns undefined on each timeout, and does not throw', async () => {
  const impatient = new Adviser({ timeoutMs: 1 });
  expect(await impatient.advise('abcdefghijkl', [])).toBeUndefined();
  expect(await impatient.advise('abcdefghijkl', [])).toBeUndefined();
  await impatient.close();
});

it('does not block the event loop during an estimate', async () => {
  await adviser.advise('abcdefghijkl', []);
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  await adviser.advise('(){}[]<>'.repeat(100), []);
  clearInterval(counting);
  expect(turns).toBeGreaterThan(2);
});
