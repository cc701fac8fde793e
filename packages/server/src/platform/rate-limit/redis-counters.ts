/**
 * Counters that every node sees, in Redis. While Redis is away each process counts for itself, from what it last knew
 * (the insurance); when Redis is back, each brings what it counted meanwhile, so that the numbers are exact again even
 * if Redis came back empty.
 */
import { MemoryCounters } from './memory-counters.ts';
import { mergeAnswer, mergeArguments, mergeScript } from './merge-script.ts';
import { type Addition, type Charge, nameOf, type Standing } from './quota.ts';
import type { Charges, SharedCounters, Taken } from './shared-counters.ts';

/** What is asked of Redis: one script, by its text. */
export interface ScriptRunner {
  /** Rejects when Redis is away or silent; must not wait longer than a login can. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

// For each key: limit, window, our mirror (hits, end, uses that Redis has not heard of). Answers hits and end for each, and
// last the place of the refusing one or -1. The end stands in the value, since our clock is not Redis's.
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
local answer = {}
for i, key in ipairs(KEYS) do
  local hits, ends = found[i][1], found[i][2]
  if refused == -1 then hits = math.max(0, hits + cost) end
  redis.call('HSET', key, 'hits', hits, 'ends', ends)
  redis.call('PEXPIRE', key, math.max(1, ends - now))
  answer[#answer + 1] = hits
  answer[#answer + 1] = ends
end
answer[#answer + 1] = refused
return answer`;

/** After Redis failed it is left alone for so long, so that its silence is not added to every request. */
const restMs = 500;
/** Keys of one message; a script holds up everybody else while it runs. */
const tellAtOnce = 500;
/** Keys whose uses are kept for Redis while it is away. */
const maxUnsent = 100_000;

export class RedisCounters implements SharedCounters {
  readonly #redis: ScriptRunner;
  readonly #hash: (text: string) => Buffer;
  readonly #monotonicMs: () => number;
  readonly #onAvailable: (available: boolean) => void;
  readonly #mirror: MemoryCounters;
  readonly #unsent = new Map<string, number>();
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #available = true;

  constructor(dependencies: {
    readonly redis: ScriptRunner;
    readonly hash: (text: string) => Buffer;
    readonly monotonicMs: () => number;
    /** Called when Redis is lost and when it is back. */
    readonly onAvailable: (available: boolean) => void;
  }) {
    this.#redis = dependencies.redis;
    this.#hash = dependencies.hash;
    this.#monotonicMs = dependencies.monotonicMs;
    this.#onAvailable = dependencies.onAvailable;
    this.#mirror = new MemoryCounters();
  }

  async take(charges: Charges, nowMs: number): Promise<Taken> {
    const asked = charges.filter((charge) => charge !== undefined);
    return (await this.#ask(asked, nowMs, 1)) ?? this.#takeHere(asked, nowMs);
  }

  /** To be called when Redis is there, at first or again: it may have come back without what it knew. */
  async tell(nowMs: number): Promise<void> {
    this.#restsUntilMs = Number.NEGATIVE_INFINITY;
    const known = [...this.#mirror.entries(nowMs)];
    for (let from = 0; from < known.length; from += tellAtOnce) {
      const part = known.slice(from, from + tellAtOnce);
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

  async giveBack(charges: readonly Charge[], nowMs: number): Promise<void> {
    if ((await this.#ask(charges, nowMs, -1)) !== undefined) return;
    for (const charge of charges) {
      this.#mirror.giveBack(charge, nowMs);
      this.#addUnsent(nameOf(charge), -1);
    }
  }

  async merge(additions: readonly Addition[], nowMs: number): Promise<readonly Standing[]> {
    const keys = additions.map(({ name }) => this.#redisKey(name));
    const answer = await this.#redis.run(mergeScript, keys, mergeArguments(additions, nowMs));
    return mergeAnswer(additions, answer as number[]);
  }

  /** Undefined when Redis does not answer. */
  async #ask(charges: readonly Charge[], nowMs: number, cost: 1 | -1): Promise<Taken | undefined> {
    if (this.#monotonicMs() < this.#restsUntilMs) return undefined;
    const unsent = charges.map((charge) => this.#takeUnsent(nameOf(charge)));
    try {
      const answer = (await this.#redis.run(
        takeScript,
        charges.map((charge) => this.#redisKey(nameOf(charge))),
        this.#argumentsOf(charges, unsent, nowMs, cost),
      )) as number[];
      this.#noteAvailable(true);
      return this.#remember(charges, answer);
    } catch {
      for (const [index, charge] of charges.entries()) this.#addUnsent(nameOf(charge), unsent[index] ?? 0);
      this.#restsUntilMs = this.#monotonicMs() + restMs;
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

  #remember(charges: readonly Charge[], answer: readonly number[]): Taken {
    const refused = answer.at(-1) ?? -1;
    const standings = charges.map((charge, index): Standing => {
      const standing = { hits: answer[2 * index] ?? 0, endsAtMs: answer[2 * index + 1] ?? 0 };
      this.#mirror.set(charge, standing);
      return refused === index ? { ...standing, hits: charge.quota.limit + 1 } : standing;
    });
    return { standings, refused: refused < 0 ? undefined : refused };
  }

  #takeHere(charges: readonly Charge[], nowMs: number): Taken {
    const refused = charges.findIndex((charge) => this.#mirror.read(charge, nowMs).hits >= charge.quota.limit);
    const standings = charges.map((charge) => {
      if (refused !== -1) return this.#mirror.read(charge, nowMs);
      this.#addUnsent(nameOf(charge), 1);
      return this.#mirror.take(charge, nowMs) ?? this.#mirror.read(charge, nowMs);
    });
    return { standings, refused: refused === -1 ? undefined : refused };
  }

  /** Whoever asks Redis takes what it has not heard of along; who asks meanwhile must not send that a second time. */
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

  // One hash tag: both keys of a question must be on one node of a cluster.
  #redisKey(name: string): string {
    return `{latchkey:limits}:${this.#hash(name).toString('base64url')}`;
  }
}
