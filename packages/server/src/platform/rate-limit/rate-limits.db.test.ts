import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { openRedis } from '#platform/redis/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { startRedis, type TestRedis } from '#test/support/redis.ts';
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
let people = 0;
/** Each test has addresses of its own, since the counters are shared. */
const somebody = (): string => {
  people += 1;
  return `somebody ${people}`;
};

/** What its client is told, and how it is given back. */
async function takeOf(use: SharedUse) {
  return { ...(await use.take()), giveBack: () => use.giveBack() };
}

function guaranteesOf(open: () => SharedCounters): void {
  const limits = () => new RateLimits({ quotas, clock, bucketOf, shared: open() });
  const guess = (on: RateLimits, address: string, identifier: string, atMs = start) => {
    nowMs = atMs;
    return takeOf(on.useShared('credential', { address, identifier }));
  };

  it('lets exactly the quota through, however many come at once', async () => {
    const [here, there, address] = [limits(), limits(), somebody()];
    const uses = await Promise.all(
      Array.from({ length: 20 }, (_, index) => guess(index % 2 === 0 ? here : there, address, 'ada')),
    );
    expect(uses.filter(({ retryAfterSeconds }) => retryAfterSeconds === undefined)).toHaveLength(5);
  });

  it('refuses until the window of the first use has ended, and not a moment longer', async () => {
    const [node, address] = [limits(), somebody()];
    for (let time = 0; time < 5; time += 1) await guess(node, address, 'ada', start + time * minute);
    const late = await guess(node, address, 'ada', start + 15 * minute - 1);
    expect(late).toMatchObject({
      retryAfterSeconds: 1,
      headers: ['ratelimit-policy', '"credential";q=5;w=900', 'ratelimit', '"credential";r=0;t=1'],
    });
    const after = await guess(node, address, 'ada', start + 15 * minute);
    expect(after).toMatchObject({ retryAfterSeconds: undefined });
    expect(after.headers.at(-1)).toBe('"credential";r=4;t=900');
  });

  it('counts a use that was given back as none, and gives back no other', async () => {
    const [node, address] = [limits(), somebody()];
    for (let time = 0; time < 10; time += 1) await (await guess(node, address, 'ada')).giveBack();
    for (let time = 0; time < 5; time += 1) await guess(node, address, 'bob');
    await (await guess(node, address, 'ada')).giveBack();
    expect((await guess(node, address, 'ada')).retryAfterSeconds).toBeUndefined();
    expect((await guess(node, address, 'bob')).retryAfterSeconds).toBe(900);
  });

  it('uses up nothing of the address when one identifier is used up', async () => {
    const [node, address] = [limits(), somebody()];
    for (let time = 0; time < 30; time += 1) await guess(node, address, 'ada');
    for (let time = 0; time < 5; time += 1) {
      expect((await guess(node, address, 'bob')).retryAfterSeconds).toBeUndefined();
    }
  });

  it('refuses an address that has tried too many identifiers, and no other address', async () => {
    const [node, address] = [limits(), somebody()];
    for (let person = 0; person < 12; person += 1) await guess(node, address, `person ${person}`);
    expect((await guess(node, address, 'yet another')).headers.at(-1)).toBe('"credential-address";r=0;t=900');
    expect((await guess(node, somebody(), 'person 1')).retryAfterSeconds).toBeUndefined();
  });

  it('counts mails by recipient, whoever asks', async () => {
    const [node, recipient] = [limits(), somebody()];
    const ask = () => takeOf(node.useShared('mail', { address: somebody(), identifier: recipient }));
    for (let time = 0; time < 3; time += 1) expect((await ask()).retryAfterSeconds).toBeUndefined();
    expect((await ask()).retryAfterSeconds).toBe(900);
  });
}

describeOnBothDatabases('limits that every node sees, in the database', (database) => {
  guaranteesOf(() => new DatabaseCounters({ database: database(), hash }));

  it('leave no row behind once their windows have ended', async () => {
    expect(await deleteEndedWindows(database(), new Date(start + 60 * minute))).toBeGreaterThan(0);
    expect(await deleteEndedWindows(database(), new Date(start + 60 * minute))).toBe(0);
  });
});

describe('limits that every node sees, in Redis', () => {
  let redis: TestRedis;
  const opened: { close(): Promise<void> }[] = [];
  const available: boolean[] = [];
  const told: RedisCounters[] = [];

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(async () => {
    await Promise.all(opened.map((connection) => connection.close()));
    await redis[Symbol.asyncDispose]();
  });

  function open(): RedisCounters {
    const connection = openRedis(redis.url, {
      answerMs: 10_000,
      onError: () => undefined,
      onReady: () => void counters.tell(start).then(() => told.push(counters)),
    });
    opened.push(connection);
    const counters = new RedisCounters({
      redis: connection,
      hash,
      monotonicMs: () => systemClock.monotonicMs(),
      onAvailable: (is) => available.push(is),
    });
    return counters;
  }

  async function connected(): Promise<RateLimits> {
    const node = new RateLimits({ quotas, clock, bucketOf, shared: open() });
    const connection = opened.at(-1) as ReturnType<typeof openRedis>;
    await eventually(() => answers(connection), { what: 'the node has its Redis' });
    return node;
  }

  describe('while it is there', () => {
    const counters: RedisCounters[] = [];
    beforeAll(async () => {
      for (let node = 0; node < 2; node += 1) {
        counters.push(open());
        const connection = opened.at(-1) as ReturnType<typeof openRedis>;
        await eventually(() => answers(connection), { what: 'the node has its Redis' });
      }
    });
    let turn = 0;
    guaranteesOf(() => {
      turn += 1;
      return counters[turn % 2] as RedisCounters;
    });
  });

  it('hold in each process while Redis is away, and are exact on all when it is back, though it came back empty', async () => {
    const [here, there, address] = [await connected(), await connected(), somebody()];
    const guess = (on: RateLimits) => takeOf(on.useShared('credential', { address, identifier: 'ada' }));
    await guess(here);
    await guess(there);
    await guess(here);
    await redis.kill9();
    expect((await guess(here)).headers.at(-1)).toBe('"credential";r=1;t=900');
    const before = told.length;
    await redis.start();
    await eventually(() => told.length >= before + opened.length, { what: 'every node has told what it knows' });
    expect((await guess(there)).headers.at(-1)).toBe('"credential";r=0;t=900');
    expect((await guess(here)).retryAfterSeconds).toBe(900);
    expect((await guess(there)).retryAfterSeconds).toBe(900);
    expect(available).toContain(false);
    expect(available.at(-1)).toBe(true);
  });
});

async function answers(connection: { ping(): Promise<void> }): Promise<boolean> {
  try {
    await connection.ping();
    return true;
  } catch {
    return false;
  }
}

describe('limits of one process', () => {
  it('refuse who used up theirs, until the window has ended, and nobody else', () => {
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
