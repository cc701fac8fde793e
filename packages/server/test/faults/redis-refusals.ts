/** The ways in which Redis refuses, and how it becomes well again. */
import { Redis } from 'ioredis';
import { startRedis, type TestRedis } from '#test/support/redis.ts';
import { eventually } from '#test/support/wait.ts';

export interface RedisDeployment extends AsyncDisposable {
  readonly redis: TestRedis;
  readonly operator: Redis;
}

export interface RedisRefusal {
  readonly name: string;
  /** Whether verbose `/readyz` must show a reason. */
  readonly isRefusing: boolean;
  prepare?(deployment: RedisDeployment): Promise<void>;
  begin(deployment: RedisDeployment): Promise<void>;
  /** Resolves when Redis is well. */
  end(deployment: RedisDeployment): Promise<void>;
}

export async function openRedisDeployment(): Promise<RedisDeployment> {
  const redis = await startRedis();
  const operator = new Redis(redis.url, { maxRetriesPerRequest: null, enableReadyCheck: false });
  // Redis is stopped in some of the trials.
  operator.on('error', () => undefined);
  return {
    redis,
    operator,
    [Symbol.asyncDispose]: async () => {
      operator.disconnect();
      await redis[Symbol.asyncDispose]();
    },
  };
}

const pausedMs = 4000;
const pauses = new WeakMap<Redis, Promise<unknown>>();
const loads = new WeakMap<Redis, Promise<void>>();

export const redisRefusals: readonly RedisRefusal[] = [
  {
    name: 'READONLY',
    isRefusing: true,
    begin: async ({ operator }) => void (await operator.replicaof('127.0.0.1', '1')),
    end: async ({ operator }) => void (await operator.replicaof('NO', 'ONE')),
  },
  {
    name: 'stopped',
    isRefusing: true,
    begin: ({ redis }) => redis.kill9(),
    end: ({ redis }) => redis.start(),
  },
  {
    name: 'not responding',
    isRefusing: true,
    begin: async ({ operator }) => {
      await operator.call('CLIENT', 'PAUSE', pausedMs, 'ALL');
      pauses.set(operator, operator.ping());
    },
    end: async ({ operator }) => void (await pauses.get(operator)),
  },
  {
    name: 'LOADING a million keys',
    isRefusing: true,
    prepare: async ({ operator }) => {
      await operator.eval(`for i = 1, 1000000 do redis.call('SET', 'key' .. i, i) end`, 0);
      await operator.save();
    },
    begin: async ({ redis, operator }) => {
      await redis.kill9();
      loads.set(operator, redis.start());
      const isLoading = async () => /^loading:1/m.test(await operator.info('persistence'));
      await eventually(isLoading, { what: 'Redis is loading' });
    },
    end: async ({ operator }) => loads.get(operator),
  },
  {
    name: 'flushed',
    isRefusing: false,
    begin: async ({ operator }) => void (await operator.flushall()),
    end: async () => undefined,
  },
];
