import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { openRedis, type RedisConnection } from '#platform/redis/index.ts';
import { parseRedisUrl } from '#protocol/connection-url/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { parsedValue } from '#test/support/parsed.ts';
import { startRedis, type TestRedis } from '#test/support/redis.ts';
import { silentDependencies } from '#test/support/silent-dependencies.ts';
import { eventually } from '#test/support/wait.ts';
import {
  DatabaseCounters,
  deleteEndedWindows,
  type Quota,
  type Quotas,
  RateLimits,
  RedisCounters,
  type SharedCounters,
  type SharedUse,
} from './index.ts';

const quota = (name: string, limit: number): Quota => ({ name, limit, windowSeconds: 900 });
const quotas: Quotas = {
  public: quota('public', 3),
  authenticated: quota('authenticated', 3),
  admin: quota('admin', 3),
  credential: quota('credential', 5),
  credentialAddress: quota('credential-address', 12),
  mail: quota('mail', 3),
  mailAddress: quota('mail-address', 20),
};
const hash = (text: string) => createHash('sha256').update(text).digest();
const start = Date.parse('2030-01-01T00:00:00Z');
let nowMs = start;
const clock: Clock = { now: () => new Date(nowMs), monotonicMs: () => systemClock.monotonicMs() };
const bucketOf = (address: string) => address;
const minute = 60_000;
let keys = 0;
/** Each test has keys of its own, because the counters are shared. */
const uniqueKey = (): string => {
  keys += 1;
  return `key ${keys}`;
};

async function takeOf(use: SharedUse) {
  return { ...(await use.take()), refund: () => use.refund() };
}

function guaranteesOf(open: () => SharedCounters): void {
  const limits = () => new RateLimits({ quotas, clock, bucketOf, shared: open() });
  const attempt = (on: RateLimits, address: string, identifier: string, atMs = start) => {
    nowMs = atMs;
    return takeOf(on.useShared('credential', { address, identifier }));
  };

  it('admits exactly the quota of concurrent uses', async () => {
    const [here, there, address] = [limits(), limits(), uniqueKey()];
    const uses = await Promise.all(
      Array.from({ length: 20 }, (_, index) => attempt(index % 2 === 0 ? here : there, address, 'ada')),
    );
    expect(uses.filter(({ retryAfterSeconds }) => retryAfterSeconds === undefined)).toHaveLength(5);
  });

  it('rejects until the window that began with the first use ends', async () => {
    const [node, address] = [limits(), uniqueKey()];
    for (let time = 0; time < 5; time += 1) await attempt(node, address, 'ada', start + time * minute);
    const late = await attempt(node, address, 'ada', start + 15 * minute - 1);
    expect(late).toMatchObject({
      retryAfterSeconds: 1,
      headers: ['ratelimit-policy', '"credential";q=5;w=900', 'ratelimit', '"credential";r=0;t=1'],
    });
    const after = await attempt(node, address, 'ada', start + 15 * minute);
    expect(after).toMatchObject({ retryAfterSeconds: undefined });
    expect(after.headers.at(-1)).toBe('"credential";r=4;t=900');
  });

  it('does not count a refunded use, and refunds no other', async () => {
    const [node, address] = [limits(), uniqueKey()];
    for (let time = 0; time < 10; time += 1) await (await attempt(node, address, 'ada')).refund();
    for (let time = 0; time < 5; time += 1) await attempt(node, address, 'bob');
    await (await attempt(node, address, 'ada')).refund();
    expect((await attempt(node, address, 'ada')).retryAfterSeconds).toBeUndefined();
    expect((await attempt(node, address, 'bob')).retryAfterSeconds).toBe(900);
  });

  it('does not count rejected attempts on one identifier against the address', async () => {
    const [node, address] = [limits(), uniqueKey()];
    for (let time = 0; time < 30; time += 1) await attempt(node, address, 'ada');
    for (let time = 0; time < 5; time += 1) {
      expect((await attempt(node, address, 'bob')).retryAfterSeconds).toBeUndefined();
    }
  });

  it('rejects an address that has tried too many identifiers, and no other address', async () => {
    const [node, address] = [limits(), uniqueKey()];
    for (let user = 0; user < 12; user += 1) await attempt(node, address, `user ${user}`);
    expect((await attempt(node, address, 'another user')).headers.at(-1)).toBe('"credential-address";r=0;t=900');
    expect((await attempt(node, uniqueKey(), 'user 1')).retryAfterSeconds).toBeUndefined();
  });

  it('counts mails per recipient, from all addresses', async () => {
    const [node, recipient] = [limits(), uniqueKey()];
    const mail = () => takeOf(node.useShared('mail', { address: uniqueKey(), identifier: recipient }));
    for (let time = 0; time < 3; time += 1) expect((await mail()).retryAfterSeconds).toBeUndefined();
    expect((await mail()).retryAfterSeconds).toBe(900);
  });
}

describeOnBothDatabases('shared limits in the database', (database) => {
  guaranteesOf(() => new DatabaseCounters({ database: database(), hash }));

  it('leave no rows after their windows have ended', async () => {
    expect(await deleteEndedWindows(database(), new Date(start + 60 * minute))).toBeGreaterThan(0);
    expect(await deleteEndedWindows(database(), new Date(start + 60 * minute))).toBe(0);
  });
});

describe('shared limits in Redis', () => {
  let redis: TestRedis;
  const opened: { close(): Promise<void> }[] = [];
  const available: boolean[] = [];
  const resynced: RedisCounters[] = [];

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(async () => {
    await Promise.all(opened.map((connection) => connection.close()));
    await redis[Symbol.asyncDispose]();
  });

  function open(): RedisCounters {
    const connection = openRedis(parsedValue(parseRedisUrl(redis.url)), {
      timeoutMs: 10_000,
      clock: systemClock,
      dependencies: silentDependencies(),
      onReady: () => void counters.resync(start).then(() => resynced.push(counters)),
    });
    opened.push(connection);
    const counters = new RedisCounters({
      redis: connection,
      hash,
      monotonicMs: () => systemClock.monotonicMs(),
      onAvailable: (isAvailable) => available.push(isAvailable),
    });
    return counters;
  }

  async function connected(): Promise<RateLimits> {
    const node = new RateLimits({ quotas, clock, bucketOf, shared: open() });
    const connection = opened.at(-1) as ReturnType<typeof openRedis>;
    await eventually(() => responds(connection), { what: 'the node is connected to Redis' });
    return node;
  }

  describe('while it is up', () => {
    const counters: RedisCounters[] = [];
    beforeAll(async () => {
      for (let node = 0; node < 2; node += 1) {
        counters.push(open());
        const connection = opened.at(-1) as ReturnType<typeof openRedis>;
        await eventually(() => responds(connection), { what: 'the node is connected to Redis' });
      }
    });
    let turn = 0;
    guaranteesOf(() => {
      turn += 1;
      return counters[turn % 2] as RedisCounters;
    });
  });

  it('apply in each process while Redis is down, and are exact on all nodes after it comes back empty', async () => {
    const [here, there, address] = [await connected(), await connected(), uniqueKey()];
    const attempt = (on: RateLimits) => takeOf(on.useShared('credential', { address, identifier: 'ada' }));
    await attempt(here);
    await attempt(there);
    await attempt(here);
    await redis.kill9();
    expect((await attempt(here)).headers.at(-1)).toBe('"credential";r=1;t=900');
    const before = resynced.length;
    await redis.start();
    await eventually(() => resynced.length >= before + opened.length, { what: 'every node has resynced' });
    expect((await attempt(there)).headers.at(-1)).toBe('"credential";r=0;t=900');
    expect((await attempt(here)).retryAfterSeconds).toBe(900);
    expect((await attempt(there)).retryAfterSeconds).toBe(900);
    expect(available).toContain(false);
    expect(available.at(-1)).toBe(true);
  });
});

async function responds(connection: RedisConnection): Promise<boolean> {
  return (await connection.check()) === undefined;
}

describe('local limits', () => {
  it('reject an exhausted key until its window ends, and no other key', () => {
    const limits = new RateLimits({ quotas, clock, bucketOf, shared: {} as SharedCounters });
    const use = (name: 'public' | 'authenticated', key: string, atMs: number) => {
      nowMs = atMs;
      return limits.use(name, key).retryAfterSeconds;
    };
    for (let time = 0; time < 3; time += 1) use('public', '192.0.2.1', start);
    expect(use('public', '192.0.2.1', start + 900_000 - 1)).toBe(1);
    expect(use('public', '192.0.2.2', start)).toBeUndefined();
    expect(use('authenticated', '192.0.2.1', start)).toBeUndefined();
    expect(use('public', '192.0.2.1', start + 900_000)).toBeUndefined();
  });
});
