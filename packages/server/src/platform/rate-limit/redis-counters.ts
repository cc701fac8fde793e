/**
 * Shared counters in Redis. Each process keeps a mirror of the counters that it has used. While Redis is down, it counts in
 * the mirror; when Redis is back, it sends the uses counted meanwhile (`unsent`), and the mirror itself, because Redis may
 * have lost its data. After that the counts are exact again.
 * Example with a quota of 5: Redis has 3 hits, of which this process knows. Redis goes down, and the process counts 1 (mirror
 * 4, unsent 1). Redis comes back empty: the process sends mirror 4 and unsent 1, and Redis has max(0, 4 − 1) + 1 = 4.
 */
import { MemoryCounters } from './memory-counters.ts';
import { mergeArguments, mergeScript, parseMergeResult } from './merge-script.ts';
import { type Addition, type Charge, nameOf, type WindowState } from './quota.ts';
import type { Charges, SharedCounters, TakeResult } from './shared-counters.ts';

/** The part of a Redis connection that counting needs. */
export interface ScriptRunner {
  /** Rejects when Redis is down or does not respond in time. A login waits for it. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

// Arguments: the time and the cost (1 to take, -1 to refund, 0 to resync), then for each key its limit, window, and the
// mirror's hits, window end and unsent uses. It returns hits and window end of each key, and last the index of the exhausted
// quota or -1. The end is stored in the value, because Redis's expiry uses its own clock and ours may be moved.
const takeScript = `
local now, cost = tonumber(ARGV[1]), tonumber(ARGV[2])
local found, refused = {}, -1
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 5
  local limit, window = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local mirrored, mirror_ends, unsent = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local stored = redis.call('HMGET', key, 'hits', 'ends')
  local hits, ends = tonumber(stored[1]), tonumber(stored[2])
  local is_new = not hits or ends <= now
  if is_new then
    hits, ends = 0, now + window
    if mirror_ends > now then ends = mirror_ends end
  end
  if mirror_ends > now and (is_new or cost == 0) then hits = math.max(hits, mirrored - unsent) end
  hits = hits + unsent
  found[i] = { hits, ends }
  if refused == -1 and cost > 0 and hits >= limit then refused = i - 1 end
end
local result = {}
for i, key in ipairs(KEYS) do
  local hits, ends = found[i][1], found[i][2]
  if refused == -1 then hits = math.max(0, hits + cost) end
  redis.call('HSET', key, 'hits', hits, 'ends', ends)
  redis.call('PEXPIRE', key, math.max(1, ends - now))
  result[#result + 1] = hits
  result[#result + 1] = ends
end
result[#result + 1] = refused
return result`;

/** After a failure no request tries Redis for this long, so that not every request waits for a timeout. */
const cooldownMs = 500;
/** Keys per script run, which blocks Redis. */
const resyncBatch = 500;
/** Keys whose unsent uses are kept while Redis is down. */
const maxUnsent = 100_000;

export class RedisCounters implements SharedCounters {
  readonly #redis: ScriptRunner;
  readonly #hash: (text: string) => Buffer;
  readonly #monotonicMs: () => number;
  readonly #onAvailable: (available: boolean) => void;
  readonly #mirror: MemoryCounters;
  readonly #unsent = new Map<string, number>();
  #skipUntilMs = Number.NEGATIVE_INFINITY;
  #available = true;

  constructor(dependencies: {
    readonly redis: ScriptRunner;
    readonly hash: (text: string) => Buffer;
    readonly monotonicMs: () => number;
    /** Called when Redis starts to fail, and when it responds again. */
    readonly onAvailable: (available: boolean) => void;
  }) {
    this.#redis = dependencies.redis;
    this.#hash = dependencies.hash;
    this.#monotonicMs = dependencies.monotonicMs;
    this.#onAvailable = dependencies.onAvailable;
    this.#mirror = new MemoryCounters();
  }

  async take(charges: Charges, nowMs: number): Promise<TakeResult> {
    const defined = charges.filter((charge) => charge !== undefined);
    return (await this.#run(defined, nowMs, 1)) ?? this.#takeInMirror(defined, nowMs);
  }

  /** Sends the mirror and the unsent uses. Call it whenever the connection is ready, since Redis may have lost its data. */
  async resync(nowMs: number): Promise<void> {
    this.#skipUntilMs = Number.NEGATIVE_INFINITY;
    const known = [...this.#mirror.entries(nowMs)];
    for (let from = 0; from < known.length; from += resyncBatch) {
      const part = known.slice(from, from + resyncBatch);
      const unsent = part.map(([name]) => this.#takeUnsent(name));
      const args = part.flatMap(([, { hits, endsAtMs }], index) => [0, 0, hits, endsAtMs, unsent[index] ?? 0]);
      try {
        await this.#redis.run(
          takeScript,
          part.map(([name]) => this.#redisKey(name)),
          [nowMs, 0, ...args],
        );
      } catch {
        for (const [index, [name]] of part.entries()) this.#addUnsent(name, unsent[index] ?? 0);
        return;
      }
    }
  }

  async refund(charges: readonly Charge[], nowMs: number): Promise<void> {
    if ((await this.#run(charges, nowMs, -1)) !== undefined) return;
    for (const charge of charges) {
      this.#mirror.refund(charge, nowMs);
      this.#addUnsent(nameOf(charge), -1);
    }
  }

  async merge(additions: readonly Addition[], nowMs: number): Promise<readonly WindowState[]> {
    const keys = additions.map(({ name }) => this.#redisKey(name));
    const result = await this.#redis.run(mergeScript, keys, mergeArguments(additions, nowMs));
    return parseMergeResult(additions, result as number[]);
  }

  /** Takes or refunds in Redis; returns undefined when Redis is down. */
  async #run(charges: readonly Charge[], nowMs: number, cost: 1 | -1): Promise<TakeResult | undefined> {
    if (this.#monotonicMs() < this.#skipUntilMs) return undefined;
    const unsent = charges.map((charge) => this.#takeUnsent(nameOf(charge)));
    try {
      const result = (await this.#redis.run(
        takeScript,
        charges.map((charge) => this.#redisKey(nameOf(charge))),
        this.#argumentsOf(charges, unsent, nowMs, cost),
      )) as number[];
      this.#noteAvailable(true);
      return this.#mirrorResult(charges, result);
    } catch {
      for (const [index, charge] of charges.entries()) this.#addUnsent(nameOf(charge), unsent[index] ?? 0);
      this.#skipUntilMs = this.#monotonicMs() + cooldownMs;
      this.#noteAvailable(false);
      return undefined;
    }
  }

  #argumentsOf(charges: readonly Charge[], unsent: readonly number[], nowMs: number, cost: number): number[] {
    const each = charges.flatMap((charge, index) => {
      const mirrored = this.#mirror.read(charge, nowMs);
      const known = mirrored.hits > 0 ? mirrored : { hits: 0, endsAtMs: 0 };
      const { limit, windowSeconds } = charge.quota;
      return [limit, windowSeconds * 1000, known.hits, known.endsAtMs, unsent[index] ?? 0];
    });
    return [nowMs, cost, ...each];
  }

  #mirrorResult(charges: readonly Charge[], result: readonly number[]): TakeResult {
    const refused = result.at(-1) ?? -1;
    const windows = charges.map((charge, index): WindowState => {
      const window = { hits: result[2 * index] ?? 0, endsAtMs: result[2 * index + 1] ?? 0 };
      this.#mirror.set(charge, window);
      return refused === index ? { ...window, hits: charge.quota.limit + 1 } : window;
    });
    return { windows, refused: refused < 0 ? undefined : refused };
  }

  #takeInMirror(charges: readonly Charge[], nowMs: number): TakeResult {
    const refused = charges.findIndex((charge) => this.#mirror.read(charge, nowMs).hits >= charge.quota.limit);
    const windows = charges.map((charge) => {
      if (refused !== -1) return this.#mirror.read(charge, nowMs);
      this.#addUnsent(nameOf(charge), 1);
      return this.#mirror.take(charge, nowMs) ?? this.#mirror.read(charge, nowMs);
    });
    return { windows, refused: refused === -1 ? undefined : refused };
  }

  /** Removes the unsent uses of a key for a script run, so that a concurrent run does not send them too. */
  #takeUnsent(name: string): number {
    const count = this.#unsent.get(name) ?? 0;
    this.#unsent.delete(name);
    return count;
  }

  #addUnsent(name: string, count: number): void {
    const sum = (this.#unsent.get(name) ?? 0) + count;
    if (sum === 0) this.#unsent.delete(name);
    else if (this.#unsent.has(name) || this.#unsent.size < maxUnsent) this.#unsent.set(name, sum);
  }

  #noteAvailable(available: boolean): void {
    if (available === this.#available) return;
    this.#available = available;
    this.#onAvailable(available);
  }

  // One hash tag, because Redis Cluster requires all keys of a script on one node.
  #redisKey(name: string): string {
    return `{latchkey:limits}:${this.#hash(name).toString('base64url')}`;
  }
}
