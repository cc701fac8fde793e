/** Caches that forget what was used longest ago. */
import { LRUCache } from 'lru-cache';

export type BoundedCache<K extends NonNullable<unknown>, V extends NonNullable<unknown>> = Pick<
  LRUCache<K, V>,
  'get' | 'set' | 'has' | 'delete' | 'values' | 'size'
>;

/**
 * A cache of at most `entries` entries; with `lifetimeMs` also of none that was set longer ago.
 *
 * The bound is given as a size with one unit for each entry: with a number of entries lru-cache would allocate all of them at once,
 * which cost 30 ms of every start.
 */
export function boundedCache<K extends NonNullable<unknown>, V extends NonNullable<unknown>>(
  entries: number,
  { lifetimeMs = 0 }: { readonly lifetimeMs?: number } = {},
): BoundedCache<K, V> {
  return new LRUCache<K, V>({ maxSize: entries, sizeCalculation: () => 1, ttl: lifetimeMs });
}
