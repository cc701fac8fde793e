import { expect, it } from 'vitest';
import { eventually } from './wait.ts';

it('returns the first value that is neither false nor undefined, zero included', async () => {
  const values = [false, undefined, 0];
  expect(await eventually(() => values.shift(), { what: 'a number comes' })).toBe(0);
});

it('names the condition when the time is up', async () => {
  const never = eventually(() => false, { what: 'pigs fly', timeoutMs: 5 });
  await expect(never).rejects.toThrow('timed out waiting until pigs fly');
});

it('rethrows an error at once', async () => {
  const broken = eventually(() => Promise.reject(new Error('broken')), { what: 'it works', timeoutMs: 60_000 });
  await expect(broken).rejects.toThrow('broken');
});
