/** The rate limits of the configuration, counted in Redis or in the database, which all nodes share. */
import type { Config } from '#config/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import type { Dependencies } from '#platform/dependencies/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import {
  DatabaseCounters,
  type Quota,
  type Quotas,
  RateLimits,
  RedisCounters,
  type SharedCounters,
} from '#platform/rate-limit/index.ts';
import { openRedis, type RedisConnection } from '#platform/redis/index.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import { addressBucket } from '#protocol/network-address/index.ts';
import type { OpenResources } from './open-resources.ts';

interface Ground {
  readonly config: Config;
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly logger: Logger;
  readonly resources: OpenResources;
  readonly dependencies: Dependencies;
}

export function wireLimits(ground: Ground): {
  readonly limits: RateLimits;
  readonly redis: RedisConnection | undefined;
} {
  const { config, clock, logger } = ground;
  const { shared, redis } = sharedCounters(ground);
  const onMergeable = mergeReporter(logger);
  const limits = new RateLimits({ quotas: quotasOf(config), shared, clock, bucketOf: addressBucket, onMergeable });
  return { limits, redis };
}

function sharedCounters(ground: Ground): { shared: SharedCounters; redis: RedisConnection | undefined } {
  const { config, database, clock, keys, logger, dependencies, resources } = ground;
  // Counter keys contain addresses, which must not be readable in a dump or in Redis.
  const hash = (text: string) => keys.mac('lookup', text);
  if (config.redis === undefined) return { shared: new DatabaseCounters({ database, hash }), redis: undefined };
  const redis = openRedis(config.redis, {
    timeoutMs: config.redisTimeoutMs,
    clock,
    dependencies,
    onReady: () => void counters.resync(clock.now().getTime()),
  });
  resources.add('the connection to Redis', () => redis.close());
  const counters = new RedisCounters({
    redis,
    hash,
    monotonicMs: () => clock.monotonicMs(),
    onAvailable: (available) =>
      available
        ? logger.info('Redis is available again; limits are counted for all nodes')
        : logger.warn('Redis is unavailable; each process counts its limits by itself'),
  });
  return { shared: counters, redis };
}

function mergeReporter(logger: Logger) {
  return (mergeable: boolean, error?: unknown): void => {
    if (mergeable) logger.info('limits are merged with those of other processes again');
    else logger.warn('limits cannot be merged with those of other processes', { error });
  };
}

function quotasOf({ limits }: Config): Quotas {
  const named = (name: string, rule: Omit<Quota, 'name'>): Quota => ({ name, ...rule });
  return {
    public: named('public', limits.public),
    authenticated: named('authenticated', limits.authenticated),
    admin: named('admin', limits.admin),
    credential: named('credential', limits.credential),
    credentialAddress: named('credential-address', limits.credentialAddress),
    mail: named('mail', limits.mail),
    mailAddress: named('mail-address', limits.mailAddress),
  };
}
