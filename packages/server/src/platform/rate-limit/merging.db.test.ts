/** Merging of the classes that each process counts by itself, and its failures. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { openRedis, type RedisConnection } from '#platform/redis/index.ts';
import { parseRedisUrl } from '#protocol/connection-url/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import { parsedValue } from '#test/support/parsed.ts';
import { startRedis, type TestRedis } from '#test/support/redis.ts';
import { silentDependencies } from '#test/support/silent-dependencies.ts';
import { eventually } from '#test/support/wait.ts';
import { DatabaseCounters, type Quota, type Quotas, RateLimits, RedisCounters, type SharedCounters } from './index.ts';

const quota = (name: string): Quota => ({ name, limit: 100, windowSeconds: 900 });
const quotas: Quotas = {
  public: quota('public'),
  authenticated: quota('authenticated'),
  admin: quota('admin'),
  credential: quota('credential'),
  credentialAddress: quota('credential-address'),
  mail: quota('mail'),
  mailAddress: quota('mail-address'),
};
const hash = (text: string) => createHash('sha256').update(text).digest();
const start = Date.parse('2030-01-01T00:00:00Z');
const minute = 60_000;
let nowMs = start;
const clock: Clock = { now: () => new Date(nowMs), monotonicMs: () => systemClock.monotonicMs() };
let keys = 0;
/** Each test has keys of its own, because the counters are shared. */
const uniqueKey = (): string => {
  keys += 1;
  return `key ${keys}`;
};

interface Options {
  readonly maxLocalKeys?: number;
  readonly onMergeable?: (mergeable: boolean, error?: unknown) => void;
}

function nodeOver(shared: SharedCounters, options: Options = {}): RateLimits {
  return new RateLimits({ quotas, clock, shared, bucketOf: (address) => address, ...options });
}

/** Takes `times` uses; returns how many were admitted. */
function use(node: RateLimits, key: string, times = 1): number {
  const uses = Array.from({ length: times }, () => node.use('public', key).retryAfterSeconds);
  return uses.filter((seconds) => seconds === undefined).length;
}

/** Reads the shared counters by adding nothing. */
async function sumsOf(shared: SharedCounters, of: readonly string[]): Promise<number[]> {
  const endsAtMs = nowMs + 15 * minute;
  const windows = await shared.merge(
    of.map((key) => ({ name: `public ${key}`, hits: 0, endsAtMs })),
    nowMs,
  );
  return windows.map(({ hits }) => hits);
}

function guaranteesOf(open: () => SharedCounters): void {
  const node = (options?: Options) => nodeOver(open(), options);

  it('rejects on every node once all nodes together have used up the quota', async () => {
    const [here, there, key] = [node(), node(), uniqueKey()];
    expect([use(here, key, 60), use(there, key, 60)]).toEqual([60, 60]);
    await here.merge();
    await there.merge();
    expect(use(there, key)).toBe(0);
    expect(use(here, key)).toBe(1);
    await here.merge();
    expect(use(here, key)).toBe(0);
    expect(use(here, uniqueKey())).toBe(1);
  });

  it('ends the shared window by the first use on any node', async () => {
    const [here, there, key] = [node(), node(), uniqueKey()];
    use(here, key, 50);
    nowMs = start + 5 * minute;
    use(there, key, 50);
    await there.merge();
    await here.merge();
    use(there, key);
    await there.merge();
    nowMs = start + 15 * minute - 1;
    expect(there.use('public', key).retryAfterSeconds).toBe(1);
    expect(here.use('public', key).retryAfterSeconds).toBe(1);
    nowMs = start + 15 * minute;
    expect([use(here, key, 20), use(there, key, 20)]).toEqual([20, 20]);
    await here.merge();
    await there.merge();
    expect(await sumsOf(open(), [key])).toEqual([40]);
    nowMs = start;
  });

  it('does not merge rejected uses', async () => {
    const [here, key] = [node(), uniqueKey()];
    expect(use(here, key, 130)).toBe(100);
    await here.merge();
    expect(await sumsOf(open(), [key])).toEqual([100]);
  });

  it('merges every use once, including uses during a merge', async () => {
    const [nodes, used] = [[node(), node(), node(), node()], Array.from({ length: 300 }, uniqueKey)];
    for (const one of nodes) for (const key of used) use(one, key, 11);
    const merging = Promise.all(nodes.map((one) => one.merge()));
    for (const one of nodes) for (const key of used) use(one, key, 2);
    await merging;
    await Promise.all(nodes.map((one) => one.merge()));
    expect(new Set(await sumsOf(open(), used))).toEqual(new Set([52]));
  });

  it('merges the busiest keys first, two thousand at a time', async () => {
    const [here, busiest] = [node(), uniqueKey()];
    const used = Array.from({ length: 2500 }, uniqueKey);
    for (const key of used) use(here, key, 10);
    use(here, busiest, 20);
    await here.merge();
    expect(await sumsOf(open(), [busiest])).toEqual([20]);
    const merged = async () => (await sumsOf(open(), used)).filter((sum) => sum === 10);
    expect((await merged()).length).toBe(1999);
    await here.merge();
    expect((await merged()).length).toBe(2500);
  });

  it('merges both counters of a key that was evicted and used again', async () => {
    const [here, key] = [node({ maxLocalKeys: 1 }), uniqueKey()];
    use(here, key, 10);
    use(here, uniqueKey());
    use(here, key, 15);
    await here.merge();
    await here.merge();
    expect(await sumsOf(open(), [key])).toEqual([25]);
  });
}

const hide = statement('merging_test.hide', {
  lane: 'pool',
  sql: 'alter table rate_limit_counters rename to hidden_counters',
  params: {},
  columns: {},
});
const show = statement('merging_test.show', {
  lane: 'pool',
  sql: 'alter table hidden_counters rename to rate_limit_counters',
  params: {},
  columns: {},
});

describeOnBothDatabases('limits merged in the database', (database) => {
  const open = () => new DatabaseCounters({ database: database(), hash });
  guaranteesOf(open);

  it('send nothing until a key has used a tenth of its quota, and nothing without new uses', async () => {
    const [here, key] = [nodeOver(open()), uniqueKey()];
    const merged = () => countRoundTrips(database(), () => here.merge());
    expect(await merged()).toEqual([]);
    use(here, key, 9);
    expect(await merged()).toEqual([]);
    use(here, key);
    expect(await merged()).toEqual(['rate_limit_counters.merge']);
    expect(await merged()).toEqual([]);
    use(here, key);
    nowMs = start + 15 * minute;
    expect(await merged()).toEqual([]);
    nowMs = start;
  });

  it('continue locally while merging fails, report it once, and lose no use', async () => {
    const [reported, key]: [boolean[], string] = [[], uniqueKey()];
    const options = { onMergeable: (mergeable: boolean) => reported.push(mergeable) };
    const [here, there] = [nodeOver(open(), options), nodeOver(open())];
    await database().run(hide, {});
    expect(use(here, key, 40)).toBe(40);
    await here.merge();
    expect(use(here, key, 40)).toBe(40);
    await here.merge();
    expect(reported).toEqual([false]);
    expect(use(here, key, 40)).toBe(20);
    await database().run(show, {});
    await here.merge();
    expect(reported).toEqual([false, true]);
    use(there, key, 10);
    await there.merge();
    expect(use(there, key)).toBe(0);
    expect(await sumsOf(open(), [key])).toEqual([110]);
  });

  it('keep their own counts when the table has lost them', async () => {
    const [here, key] = [nodeOver(open()), uniqueKey()];
    use(here, key, 90);
    await here.merge();
    await database().run(truncate, {});
    use(here, key, 5);
    await here.merge();
    expect(use(here, key, 10)).toBe(5);
  });
});

const truncate = statement('merging_test.truncate', {
  lane: 'pool',
  sql: 'truncate rate_limit_counters',
  params: {},
  columns: {},
});

describe('limits merged in Redis', () => {
  let redis: TestRedis;
  const connections: RedisConnection[] = [];
  const counters: RedisCounters[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    for (const _ of [1, 2]) {
      const connection = openRedis(parsedValue(parseRedisUrl(redis.url)), {
        timeoutMs: 10_000,
        clock: systemClock,
        dependencies: silentDependencies(),
        onReady: () => undefined,
      });
      connections.push(connection);
      const monotonicMs = () => systemClock.monotonicMs();
      counters.push(new RedisCounters({ redis: connection, hash, monotonicMs, onAvailable: () => undefined }));
    }
    await untilReached();
  });

  afterAll(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await redis[Symbol.asyncDispose]();
  });

  async function untilReached(): Promise<void> {
    const isReached = async () =>
      (await Promise.all(connections.map((connection) => connection.check()))).every((reason) => reason === undefined);
    await eventually(isReached, { what: 'every node is connected to Redis' });
  }

  let turn = 0;
  const open = () => {
    turn += 1;
    return counters[turn % 2] as RedisCounters;
  };
  guaranteesOf(open);

  it('continue locally while Redis is down, report it once, and lose no use', async () => {
    const [reported, key]: [boolean[], string] = [[], uniqueKey()];
    const here = nodeOver(open(), { onMergeable: (mergeable) => reported.push(mergeable) });
    await redis.kill9();
    expect(use(here, key, 70)).toBe(70);
    await here.merge();
    await here.merge();
    expect(reported).toEqual([false]);
    await redis.start();
    await untilReached();
    await here.merge();
    expect(reported).toEqual([false, true]);
    const there = nodeOver(open());
    use(there, key, 30);
    await there.merge();
    expect(use(there, key)).toBe(0);
  });
});
