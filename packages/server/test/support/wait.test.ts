import { expect, it } from 'vitest';
import { eventually } from './wait.ts';

it('answers with the first value that is neither false nor undefined, zero included', async () => {
  const answers = [false, undefined, 0];
  expect(await eventually(() => answers.shift(), { what: 'a number comes' })).toBe(0);
});

it('names what was waited for when time is up', async () => {
  const never = eventually(() => false, { what: 'pigs fly', timeoutMs: 5 });
  await expect(never).rejects.toThrow('timed out waiting until pigs fly');
});

it('does not hide an error behind the timeout', async () => {
  const broken = eventually(() => Promise.reject(new Error('broken')), { what: 'it works', timeoutMs: 60_000 });
  await expect(broken).rejects.toThrow('broken');
});
