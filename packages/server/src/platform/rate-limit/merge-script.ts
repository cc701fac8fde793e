/** Adding up what processes counted by themselves, in Redis. */
import type { Addition, Standing } from './quota.ts';

/** For each key: hits and end. Answers hits and end of each. The end stands in the value, since our clock is not Redis's. */
export const mergeScript = `
local now = tonumber(ARGV[1])
local answer = {}
for i, key in ipairs(KEYS) do
  local added, added_ends = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local stored = redis.call('HMGET', key, 'hits', 'ends')
  local hits, ends = tonumber(stored[1]), tonumber(stored[2])
  if not hits or ends <= now then hits, ends = 0, added_ends end
  hits, ends = hits + added, math.min(ends, added_ends)
  redis.call('HSET', key, 'hits', hits, 'ends', ends)
  redis.call('PEXPIRE', key, math.max(1, ends - now))
  answer[#answer + 1] = hits
  answer[#answer + 1] = ends
end
return answer`;

/** The script's arguments. */
export function mergeArguments(additions: readonly Addition[], nowMs: number): number[] {
  return [nowMs, ...additions.flatMap(({ hits, endsAtMs }) => [hits, endsAtMs])];
}

/** What the script answered. */
export function mergeAnswer(additions: readonly Addition[], answer: readonly number[]): Standing[] {
  return additions.map((addition, index) => ({
    hits: answer[2 * index] ?? addition.hits,
    endsAtMs: answer[2 * index + 1] ?? addition.endsAtMs,
  }));
}
