import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { Dependencies } from '#platform/dependencies/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { parseRedisUrl } from '#protocol/connection-url/index.ts';
import { parsedValue } from '#test/support/parsed.ts';
import { startRedis, type TestRedis } from '#test/support/redis.ts';
import { startTcpForwarder, type TcpForwarder } from '#test/support/tcp-forwarder.ts';
import { eventually } from '#test/support/wait.ts';
import { openRedis, type RedisConnection } from './index.ts';

const increment = `return redis.call('INCR', KEYS[1])`;

let first: TestRedis;
let second: TestRedis;
let operator: Redis;
let successor: Redis;
let forwarder: TcpForwarder;
let connection: RedisConnection;
let dependencies: Dependencies;
let lines: { readonly level: string; readonly component?: string; readonly detail?: string }[];

const portOf = ({ url }: TestRedis) => Number(new URL(url).port);
const count = () => connection.run(increment, ['counter'], []);

beforeAll(async () => {
  [first, second] = await Promise.all([startRedis(), startRedis()]);
  [operator, successor] = [new Redis(first.url), new Redis(second.url)];
});

afterAll(async () => {
  operator.disconnect();
  successor.disconnect();
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
});

beforeEach(async () => {
  lines = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
  const logger = createLogger({ level: 'info', service: 'test', version: '0', destination });
  dependencies = new Dependencies({ clock: systemClock, logger });
  forwarder = await startTcpForwarder(portOf(first));
  const server = parsedValue(parseRedisUrl(`redis://127.0.0.1:${forwarder.port}`));
  connection = openRedis(server, { timeoutMs: 500, clock: systemClock, dependencies });
  await works();
  lines = [];
});

afterEach(async () => {
  await connection.close();
  await forwarder[Symbol.asyncDispose]();
});

function works(): Promise<true> {
  return eventually(async () => (await connection.check()) === undefined, { what: 'Redis works again' });
}

/** Sends twenty commands that are all rejected, and returns the reason in the log and in the state. */
async function reasonOfRefusal(): Promise<string> {
  const results = await Promise.allSettled(Array.from({ length: 20 }, count));
  expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'rejected'));
  const warnings = lines.filter(({ level, component }) => level === 'warn' && component === 'redis');
  expect(warnings.length).toBeGreaterThan(0);
  expect(await connection.check()).toBe(dependencies.reason('redis'));
  return warnings[0]?.detail ?? '';
}

describe('a Redis that refuses is named, and works again by itself', () => {
  it.each([
    ['is a replica after a failover', ['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one'], /^READONLY /],
    ['has no memory left', ['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0'], /^OOM /],
    [
      'has too few replicas',
      ['config', 'set', 'min-replicas-to-write', '1'],
      ['config', 'set', 'min-replicas-to-write', '0'],
      /^NOREPLICAS /,
    ],
  ] as const)('when it %s', async (_, [breaks, ...withThese], [mends, ...andThese], sentence) => {
    await operator.call(breaks, ...withThese);
    try {
      expect(await reasonOfRefusal()).toMatch(sentence);
    } finally {
      await operator.call(mends, ...andThese);
    }
    await works();
    expect(await count()).toEqual(expect.any(Number));
    expect(lines.filter(({ level }) => level === 'info')).toHaveLength(1);
  });

  it('when it is a replica that has lost its primary', async () => {
    await operator.config('SET', 'replica-serve-stale-data', 'no');
    await operator.replicaof('127.0.0.1', 1);
    expect(await reasonOfRefusal()).toMatch(/^MASTERDOWN |^READONLY /);
    await operator.call('replicaof', 'no', 'one');
    await works();
  });

  it('when it requires another password', async () => {
    await operator.config('SET', 'requirepass', 'secret of the operator');
    forwarder.refuse();
    await operator.call('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    forwarder.forwardTo(portOf(first));
    await eventually(() => dependencies.reason('redis')?.startsWith('NOAUTH '), { what: 'NOAUTH is the reason' });
    await operator.config('SET', 'requirepass', '');
    await works();
    expect(JSON.stringify(lines)).not.toContain('secret of the operator');
  });

  it('when it requires a password that has been replaced here', async () => {
    await operator.config('SET', 'requirepass', 'secret of the operator');
    forwarder.refuse();
    await operator.call('client', 'kill', 'type', 'normal', 'skipme', 'yes');
    forwarder.forwardTo(portOf(first));
    await eventually(() => dependencies.reason('redis')?.startsWith('NOAUTH '), { what: 'NOAUTH is the reason' });
    await connection.usePassword('secret of the operator');
    await works();
    await operator.config('SET', 'requirepass', '');
    expect(JSON.stringify(lines)).not.toContain('secret of the operator');
  });

  it('when it is killed and started again', async () => {
    await first.kill9();
    expect(await reasonOfRefusal()).not.toMatch(/enableOfflineQueue/);
    await first.start();
    await works();
  });
});

it('is replaced by the new primary behind the same address after READONLY', async () => {
  await successor.set('counter', 41);
  await operator.call('replicaof', '127.0.0.1', '1');
  forwarder.forwardTo(portOf(second));
  try {
    await expect(count()).rejects.toThrow('READONLY');
    await works();
    expect(await count()).toBe(42);
  } finally {
    await operator.call('replicaof', 'no', 'one');
  }
});

it('gets no more than one new connection a second while it refuses', async () => {
  await operator.call('replicaof', '127.0.0.1', '1');
  try {
    await expect(count()).rejects.toThrow('READONLY');
    const before = await connectionsReceived();
    for (let n = 0; n < 300; n += 1) await expect(count()).rejects.toThrow();
    expect((await connectionsReceived()) - before).toBeLessThanOrEqual(5);
  } finally {
    await operator.call('replicaof', 'no', 'one');
  }
});

async function connectionsReceived(): Promise<number> {
  return Number(/total_connections_received:(\d+)/.exec(await operator.info('stats'))?.[1]);
}
