/** One algorithm in three stores: every store has the same guarantees, whatever the clocks of the nodes show. */
import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { statement } from '#platform/database/index.ts';
import { openRedis, type RedisConnection } from '#platform/redis/index.ts';
import { parseRedisUrl } from '#protocol/connection-url/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { parsedValue } from '#test/support/parsed.ts';
import { startRedis, type TestRedis } from '#test/support/redis.ts';
import { silentDependencies } from '#test/support/silent-dependencies.ts';
import { eventually } from '#test/support/wait.ts';
import {
  DatabaseWindows,
  deleteEndedWindows,
  type Quota,
  type Quotas,
  RateLimits,
  RedisWindows,
  type WindowStore,
} from './index.ts';
import { MemoryWindows } from './memory-windows.ts';

const quota = (name: string, limit: number, windowSeconds = 900): Quota => ({ name, limit, windowSeconds });
const quotas: Quotas = {
  public: quota('public', 100),
  pages: quota('pages', 3),
  authenticated: quota('authenticated', 3),
  admin: quota('admin', 3),
  credential: quota('credential', 5),
  credentialAddress: quota('credential-address', 12),
  mail: quota('mail', 3, 3600),
  mailTogether: quota('mail-together', 6, 3600),
  mailAddress: quota('mail-address', 20, 3600),
};
const hash = (text: string) => createHash('sha256').update(text).digest();
const minute = 60_000;
const year = 365 * 24 * 60 * minute;
/** Nodes follow the database's clock; their clocks may still differ by this much. */
const agreementMs = 250;

let offsetMs = 0;

/** The clock of a node, `skewMs` ahead. All nodes are moved together, by `offsetMs`. */
function clockWith(skewMs: number): Clock {
  return {
    now: () => new Date(systemClock.now().getTime() + skewMs + offsetMs),
    monotonicMs: () => systemClock.monotonicMs(),
  };
}

afterEach(() => {
  offsetMs = 0;
});

let keys = 0;
/** Each test has keys of its own, because the windows are shared. */
const uniqueKey = (): string => {
  keys += 1;
  return `key ${keys}`;
};

type OpenStore = (clock: Clock) => WindowStore;

interface NodeOptions {
  readonly skewMs?: number;
  readonly onReportable?: (reportable: boolean) => void;
}

function nodeOf(open: OpenStore, { skewMs = 0, onReportable = () => undefined }: NodeOptions = {}): RateLimits {
  const clock = clockWith(skewMs);
  return new RateLimits({ quotas, clock, store: open(clock), bucketOf: (address) => address, onReportable });
}

async function attempt(node: RateLimits, address: string, identifier = 'ada') {
  const use = node.useShared('credential', { address, identifier });
  await use.take();
  const { headers = [], retryAfterSeconds } = use.status ?? {};
  return { headers, retryAfterSeconds, isGranted: retryAfterSeconds === undefined, refund: () => use.refund() };
}

async function times<T>(count: number, work: (index: number) => T | Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < count; index += 1) results.push(await work(index));
  return results;
}

const isPublicGranted = (node: RateLimits, key: string) => node.use('public', key).retryAfterSeconds === undefined;

function guaranteesOf(open: OpenStore): void {
  it('admit exactly the quota of twenty concurrent uses on two nodes', async () => {
    const [ahead, behind, address] = [nodeOf(open, { skewMs: agreementMs }), nodeOf(open), uniqueKey()];
    const all = Array.from({ length: 20 }, (_, index) => attempt(index % 2 === 0 ? ahead : behind, address));
    expect((await Promise.all(all)).filter(({ isGranted }) => isGranted)).toHaveLength(5);
    expect((await attempt(ahead, address)).retryAfterSeconds).toBeGreaterThan(890);
    expect((await attempt(behind, address)).retryAfterSeconds).toBeGreaterThan(890);
  });

  it('reject until the window that began with the first use ends, on every node', async () => {
    const [here, ahead, address] = [nodeOf(open), nodeOf(open, { skewMs: agreementMs }), uniqueKey()];
    await times(5, (index) => {
      offsetMs = index * minute;
      return attempt(index % 2 === 0 ? here : ahead, address);
    });
    offsetMs = 14 * minute;
    for (const node of [here, ahead]) {
      const { headers, retryAfterSeconds } = await attempt(node, address);
      expect(retryAfterSeconds).toBeGreaterThan(50);
      expect(retryAfterSeconds).toBeLessThanOrEqual(60);
      expect(headers.slice(0, 3)).toEqual(['ratelimit-policy', '"credential";q=5;w=900', 'ratelimit']);
    }
    offsetMs = 15 * minute;
    expect((await attempt(here, address)).headers.at(-1)).toMatch(/^"credential";r=4;t=(900|89\d)$/);
    expect((await attempt(ahead, address)).headers.at(-1)).toMatch(/^"credential";r=3;t=(900|89\d)$/);
  });

  it('begin a new window when the clock of the store was set back', async () => {
    const [node, address] = [nodeOf(open), uniqueKey()];
    offsetMs = year;
    await times(6, () => attempt(node, address));
    offsetMs = 0;
    expect((await attempt(node, address)).isGranted).toBe(true);
  });

  it('do not count a refunded use, and refund no other', async () => {
    const [node, address] = [nodeOf(open), uniqueKey()];
    await times(10, async () => (await attempt(node, address)).refund());
    await times(5, () => attempt(node, address, 'bob'));
    await (await attempt(node, address)).refund();
    expect((await attempt(node, address)).isGranted).toBe(true);
    expect((await attempt(node, address, 'bob')).isGranted).toBe(false);
  });

  it('do not count rejected attempts on one identifier against the address', async () => {
    const [node, address] = [nodeOf(open), uniqueKey()];
    await times(30, () => attempt(node, address));
    const other = await times(5, () => attempt(node, address, 'bob'));
    expect(other.map(({ isGranted }) => isGranted)).toEqual([true, true, true, true, true]);
  });

  it('reject an address that has tried too many identifiers, count nothing then, and reject no other address', async () => {
    const [node, address] = [nodeOf(open), uniqueKey()];
    await times(12, (index) => attempt(node, address, `user ${index}`));
    await times(9, async () =>
      expect((await attempt(node, address, 'another')).headers.at(-1)).toMatch(/^"credential-address";r=0/),
    );
    expect((await attempt(node, uniqueKey(), 'user 1')).isGranted).toBe(true);
  });

  it('admit three mails of a kind and six together for a recipient, of twenty at once, and known devices apart', async () => {
    const [here, there, recipient] = [nodeOf(open), nodeOf(open, { skewMs: -agreementMs }), uniqueKey()];
    const take = async (kind: string, count: number, fromKnownDevice = false) => {
      const all = Array.from({ length: count }, (_, index) =>
        (index % 2 === 0 ? here : there).takeMail({ kind, recipient, fromKnownDevice }),
      );
      return (await Promise.all(all)).filter((isGranted) => isGranted).length;
    };
    expect(await take('magic_link', 20)).toBe(3);
    expect(await take('email_code', 1)).toBe(1);
    expect(await take('reset_password', 20)).toBe(2);
    expect(await take('magic_link', 20, true)).toBe(3);
    offsetMs = 60 * minute;
    expect(await take('reset_password', 4)).toBe(3);
  });

  it('admit of a class counted in the process at most the quota and one portion for each process', async () => {
    const [here, ahead, key] = [nodeOf(open), nodeOf(open, { skewMs: agreementMs }), uniqueKey()];
    const admitted = await times(150, async () => {
      const uses = [here, ahead].map((node) => isPublicGranted(node, key));
      // Statements and scripts of a store run in order, so the reports have arrived after this use.
      for (const node of [here, ahead]) await attempt(node, uniqueKey());
      return uses.filter((isGranted) => isGranted).length;
    });
    const sum = admitted.reduce((total, count) => total + count, 0);
    expect(sum).toBeGreaterThanOrEqual(100);
    expect(sum).toBeLessThanOrEqual(120);
    expect([isPublicGranted(here, key), isPublicGranted(ahead, key)]).toEqual([false, false]);
    expect(isPublicGranted(here, uniqueKey())).toBe(true);
    offsetMs = 15 * minute;
    expect(isPublicGranted(here, key)).toBe(true);
  });
}

describe('limits in the memory of one process', () => {
  const stores = new Map<string, WindowStore>();
  guaranteesOf(() => {
    const windows = new MemoryWindows(clockWith(0));
    const store = stores.get('all') ?? { take: async (charges, n) => windows.take(charges, n) };
    stores.set('all', store);
    return store;
  });
});

const hide = statement('rate_limit_test.hide', {
  lane: 'pool',
  sql: 'alter table rate_limit_counters rename to hidden_counters',
  params: {},
  columns: {},
});
const show = statement('rate_limit_test.show', {
  lane: 'pool',
  sql: 'alter table hidden_counters rename to rate_limit_counters',
  params: {},
  columns: {},
});

describeOnBothDatabases('limits in the database', (database) => {
  const open: OpenStore = (clock) => new DatabaseWindows({ database: database(), clock, hash });
  guaranteesOf(open);

  it('continue in the process while the store fails for classes counted there, say so once, and lose no use', async () => {
    const [reported, key]: [boolean[], string] = [[], uniqueKey()];
    const here = nodeOf(open, { onReportable: (reportable) => reported.push(reportable) });
    await database().run(hide, {});
    await times(40, () => expect(isPublicGranted(here, key)).toBe(true));
    await eventually(() => reported.length > 0, { what: 'the failure is reported' });
    await database().run(show, {});
    await eventually(() => isPublicGranted(here, key) && reported.length > 1, { what: 'a report succeeds' });
    expect(reported).toEqual([false, true]);
    const there = nodeOf(open);
    await times(10, () => isPublicGranted(there, key));
    await attempt(there, uniqueKey());
    expect(there.use('public', key).headers.at(-1)).toMatch(/^"public";r=(4\d|3\d|2\d|1\d|\d);/);
  });

  it('leave no rows after their windows have ended', async () => {
    await attempt(nodeOf(open), uniqueKey());
    offsetMs = 2 * year;
    expect(await deleteEndedWindows(database(), clockWith(0).now())).toBeGreaterThan(0);
    expect(await deleteEndedWindows(database(), clockWith(0).now())).toBe(0);
  });
});

describe('limits in Redis', () => {
  let redis: TestRedis;
  let admin: Redis;
  const connections: RedisConnection[] = [];
  const available: boolean[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    admin = new Redis(redis.url, { retryStrategy: () => 50 });
    admin.on('error', () => undefined);
    for (const _ of [1, 2]) {
      const options = { timeoutMs: 10_000, clock: systemClock, dependencies: silentDependencies() };
      connections.push(openRedis(parsedValue(parseRedisUrl(redis.url)), options));
    }
    await untilReached();
  });

  afterAll(async () => {
    admin.disconnect();
    await Promise.all(connections.map((connection) => connection.close()));
    await redis[Symbol.asyncDispose]();
  });

  async function untilReached(): Promise<void> {
    const isReached = async () =>
      (await Promise.all(connections.map((connection) => connection.check()))).every((reason) => reason === undefined);
    await eventually(isReached, { what: 'every node is connected to Redis' });
  }

  let turn = 0;
  const open: OpenStore = (clock) => {
    turn += 1;
    const connection = connections[turn % 2] as RedisConnection;
    const onAvailable = (isAvailable: boolean) => available.push(isAvailable);
    return new RedisWindows({ redis: connection, clock, hash, onAvailable });
  };
  guaranteesOf(open);

  it('hold in each process while Redis is down, and on all nodes after it comes back empty', async () => {
    const [here, there, address] = [nodeOf(open), nodeOf(open), uniqueKey()];
    for (const node of [here, there, here]) await attempt(node, address);
    await redis.kill9();
    expect((await attempt(here, address)).headers.at(-1)).toMatch(/^"credential";r=1;/);
    await redis.start();
    await untilReached();
    const isBack = async () => (await attempt(here, address)) && available.at(-1) === true;
    await eventually(isBack, { what: 'limits are counted in Redis again' });
    expect((await attempt(there, address)).isGranted).toBe(false);
    expect((await attempt(here, address)).isGranted).toBe(false);
  });

  it('continue from the copy of the process when Redis was emptied', async () => {
    const [node, address] = [nodeOf(open), uniqueKey()];
    await times(4, () => attempt(node, address));
    await admin.flushall();
    expect((await times(3, () => attempt(node, address))).map(({ isGranted }) => isGranted)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('hold in each process while Redis is read-only, and count its uses in Redis afterwards', async () => {
    const [here, there, address] = [nodeOf(open), nodeOf(open), uniqueKey()];
    for (const node of [here, there]) await attempt(node, address);
    await admin.replicaof('127.0.0.1', '1');
    const whileReadOnly = await times(5, () => attempt(here, address));
    expect(whileReadOnly.map(({ isGranted }) => isGranted)).toEqual([true, true, true, true, false]);
    await admin.replicaof('NO', 'ONE');
    const isBack = async () => (await attempt(here, address)) && available.at(-1) === true;
    await eventually(isBack, { what: 'limits are counted in Redis again' });
    expect((await attempt(there, address)).isGranted).toBe(false);
  });
});
