/** Merges the counts of processes in Redis. */
import type { Addition, WindowState } from './quota.ts';

/**
 * Arguments: the time, then hits and window end of each key. It returns the new hits and window end of each key.
 * The end is stored in the value, because Redis's expiry uses its own clock and ours may be moved.
 */
export const mergeScript = `
local now = tonumber(ARGV[1])
local result = {}
for i, key in ipairs(KEYS) do
  local added, added_ends = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local stored = redis.call('HMGET', key, 'hits', 'ends')
  local hits, ends = tonumber(stored[1]), tonumber(stored[2])
  if not hits or ends <= now then hits, ends = 0, added_ends end
  hits, ends = hits + added, math.min(ends, added_ends)
  redis.call('HSET', key, 'hits', hits, 'ends', ends)
  redis.call('PEXPIRE', key, math.max(1, ends - now))
  result[#result + 1] = hits
  result[#result + 1] = ends
end
return result`;

export function mergeArguments(additions: readonly Addition[], nowMs: number): number[] {
  return [nowMs, ...additions.flatMap(({ hits, endsAtMs }) => [hits, endsAtMs])];
}

export function parseMergeResult(additions: readonly Addition[], result: readonly number[]): WindowState[] {
  return additions.map((addition, index) => ({
    hits: result[2 * index] ?? addition.hits,
    endsAtMs: result[2 * index + 1] ?? addition.endsAtMs,
  }));
}
