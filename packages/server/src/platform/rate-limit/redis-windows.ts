/**
 * Windows in Redis, with a copy in the process of each window that it has used. While Redis fails, the process counts in its
 * copy, and the next use that reaches Redis takes the uses counted meanwhile (`unsent`) along. If Redis has lost the window,
 * it begins with the copy.
 * Example with a quota of 5: Redis has 3 hits. Redis goes down, and the process counts 1 (copy 4, unsent 1). Redis comes back
 * empty: the next use sends the copy without the unsent part (3) and the unsent part (1), and Redis counts 3 + 1 + 1 = 5.
 */
import type { Clock } from '#kernel/clock.ts';
import { type Counter, MemoryWindows } from './memory-windows.ts';
import { type Charge, nameOf, windowMsOf } from './quota.ts';
import type { Charges, Window, WindowStore } from './window-store.ts';

/** The part of a Redis connection that counting needs. */
export interface ScriptRunner {
  /** Rejects when Redis is down, refuses or does not respond in time. A login waits for it. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

// Arguments: the time and `n`, then for each key its limit, its window, the longest rest, and of the copy the rest, the hits
// without the unsent ones, and the unsent ones. It returns 1 or 0 (granted), hits and rest of each key. The end is stored in
// the value too, because Redis's expiry uses its own clock and ours may be moved.
const takeScript = `
local now, n = tonumber(ARGV[1]), tonumber(ARGV[2])
local found, is_granted = {}, true
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 6
  local limit, window, longest = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local rest, copied, unsent = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local stored = redis.call('HMGET', key, 'hits', 'ends')
  local hits, ends = tonumber(stored[1]), tonumber(stored[2])
  if not hits or ends <= now or ends > now + 2 * window then hits, ends = copied, now + rest end
  hits, ends = math.max(0, hits + unsent), math.min(ends, now + longest)
  local has_room = n < 0 or hits < limit
  is_granted = is_granted and has_room
  found[i] = { hits, ends, has_room and 1 or 0 }
end
local result = {}
for i, key in ipairs(KEYS) do
  local hits, ends, has_room = unpack(found[i])
  if is_granted then hits = math.max(0, hits + n) end
  redis.call('HSET', key, 'hits', hits, 'ends', ends)
  redis.call('PEXPIRE', key, math.max(1, ends - now))
  result[#result + 1] = has_room
  result[#result + 1] = hits
  result[#result + 1] = ends - now
end
return result`;

/** After a failure no request tries Redis for this long, so that not every request waits for a timeout. */
const cooldownMs = 500;

export class RedisWindows implements WindowStore {
  readonly #redis: ScriptRunner;
  readonly #clock: Clock;
  readonly #hash: (text: string) => Buffer;
  readonly #onAvailable: (available: boolean) => void;
  readonly #copy: MemoryWindows;
  #skipUntilMs = Number.NEGATIVE_INFINITY;
  #isAvailable = true;

  constructor(dependencies: {
    readonly redis: ScriptRunner;
    readonly clock: Clock;
    /** Must be keyed (an HMAC), so that Redis does not reveal addresses. */
    readonly hash: (text: string) => Buffer;
    /** Called when Redis starts to fail, and when it counts again. */
    readonly onAvailable: (available: boolean) => void;
  }) {
    this.#redis = dependencies.redis;
    this.#clock = dependencies.clock;
    this.#hash = dependencies.hash;
    this.#onAvailable = dependencies.onAvailable;
    this.#copy = new MemoryWindows(dependencies.clock);
  }

  /** Never rejects. */
  async take(charges: Charges, n: number): Promise<readonly Window[]> {
    if (this.#clock.monotonicMs() < this.#skipUntilMs) return this.#copy.take(charges, n);
    const nowMs = this.#clock.now().getTime();
    const uses = charges
      .filter((charge) => charge !== undefined)
      .map((charge) => sendUnsent(charge, this.#copy.open(charge, nowMs)));
    try {
      const keys = uses.map(({ charge }) => this.#redisKey(charge));
      const args = uses.flatMap((use) => argumentsOf(use, nowMs));
      const result = await this.#redis.run(takeScript, keys, [nowMs, n, ...args]);
      this.#noteAvailable(true);
      return uses.map(({ counter }, index) => copyResult(counter, result as number[], index, nowMs));
    } catch {
      for (const { counter, unsent } of uses) counter.unsent += unsent;
      this.#skipUntilMs = this.#clock.monotonicMs() + cooldownMs;
      this.#noteAvailable(false);
      return this.#copy.take(charges, n);
    }
  }

  #noteAvailable(isAvailable: boolean): void {
    if (isAvailable === this.#isAvailable) return;
    this.#isAvailable = isAvailable;
    this.#onAvailable(isAvailable);
  }

  // One hash tag, because Redis Cluster requires all keys of a script on one node.
  #redisKey(charge: Charge): string {
    return `{latchkey:limits}:${this.#hash(nameOf(charge)).toString('base64url')}`;
  }
}

interface SentUse {
  readonly charge: Charge;
  readonly counter: Counter;
  readonly unsent: number;
}

/** Removes the unsent uses from the copy for a script run, so that a concurrent run does not send them too. */
function sendUnsent(charge: Charge, counter: Counter): SentUse {
  const { unsent } = counter;
  counter.unsent = 0;
  return { charge, counter, unsent };
}

function argumentsOf({ charge, counter, unsent }: SentUse, nowMs: number): number[] {
  const copied = Math.max(0, counter.hits - unsent);
  const windowMs = windowMsOf(charge);
  return [charge.quota.limit, windowMs, charge.restMs ?? windowMs, counter.endsAtMs - nowMs, copied, unsent];
}

function copyResult(counter: Counter, result: readonly number[], index: number, nowMs: number): Window {
  const [hasRoom = 0, hits = 0, restMs = 1] = result.slice(3 * index, 3 * index + 3);
  counter.hits = hits + counter.unsent;
  counter.endsAtMs = nowMs + restMs;
  return { isGranted: hasRoom === 1, hits, restMs };
}
