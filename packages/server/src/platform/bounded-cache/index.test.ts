import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { boundedCache } from './index.ts';

it('forgets what was used longest ago, and never has more entries than its bound', () => {
  const cache = boundedCache<number, string>(1000);
  for (let key = 0; key < 1000; key += 1) cache.set(key, `value ${key}`);
  expect(cache.get(0)).toBe('value 0');
  cache.set(1000, 'value 1000');
  expect([cache.size, cache.get(0), cache.get(1), cache.get(2)]).toEqual([1000, 'value 0', undefined, 'value 2']);
  cache.set(2, 'another');
  expect([cache.size, cache.get(2)]).toEqual([1000, 'another']);
  for (let key = 2000; key < 12_000; key += 1) cache.set(key, 'later');
  expect([cache.size, cache.has(11_000), cache.has(10_999)]).toEqual([1000, true, false]);
});

it('forgets what was set longer ago than the lifetime', async () => {
  const cache = boundedCache<string, true>(10, { lifetimeMs: 20 });
  cache.set('key', true);
  await pause(40);
  expect(cache.get('key')).toBeUndefined();
});
