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
])('%s: %s', async (password, advice) => {
  expect(await adviser.advise(password, [])).toBe(advice);
});

it('knows the words of the person', async () => {
  expect(await adviser.advise('lovelace', ['lovelace'])).toBe('names');
});

it('gives no advice to whoever comes when enough wait, and answers those in their order', async () => {
  const asked = Array.from({ length: 20 }, () => adviser.advise('abcdefghijkl', []));
  const answers = await Promise.all(asked);
  expect(answers.slice(4).every((answer) => answer === undefined)).toBe(true);
  expect(answers[0]).toBe('sequences');
  expect(await adviser.advise('abcdefghijkl', [])).toBe('sequences');
});

it('answers again after its thread was ended', async () => {
  await adviser.advise('abcdefghijkl', []);
  await adviser.close();
  expect(await adviser.advise('abcdefghijkl', [])).toBe('sequences');
});

it('gives no advice when there is no time, and is not broken by it', async () => {
  const hasty = new Adviser({ timeoutMs: 1 });
  expect(await hasty.advise('abcdefghijkl', [])).toBeUndefined();
  expect(await hasty.advise('abcdefghijkl', [])).toBeUndefined();
  await hasty.close();
});

it('does not stop the event loop while it thinks', async () => {
  await adviser.advise('abcdefghijkl', []);
  let turns = 0;
  const counting = setInterval(() => {
    turns += 1;
  }, 1);
  await adviser.advise('(){}[]<>'.repeat(100), []);
  clearInterval(counting);
  expect(turns).toBeGreaterThan(2);
});
