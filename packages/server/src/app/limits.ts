/** Rate limits as the configuration sizes them, over whatever all nodes share. */
import type { Config } from '#config/index.ts';
import { assert } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import {
  DatabaseCounters,
  parseQuota,
  type Quota,
  type Quotas,
  RateLimits,
  RedisCounters,
  type SharedCounters,
} from '#platform/rate-limit/index.ts';
import { openRedis, type RedisConnection } from '#platform/redis/index.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import { addressBucket } from '#protocol/network-address/index.ts';

interface Ground {
  readonly config: Config;
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly logger: Logger;
}

/** The limits, and the connection to Redis when one is configured; close it. */
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
  const { config, database, clock, keys, logger } = ground;
  // The keys hold addresses, so that neither a dump nor Redis may tell them.
  const hash = (text: string) => keys.mac('lookup', text);
  if (config.redisUrl === undefined) return { shared: new DatabaseCounters({ database, hash }), redis: undefined };
  const redis = openRedis(config.redisUrl, {
    timeoutMs: config.redisTimeoutMs,
    onError: (error) => logger.debug('Redis', { error }),
    onReady: () => void counters.resync(clock.now().getTime()),
  });
  const counters = new RedisCounters({
    redis,
    hash,
    monotonicMs: () => clock.monotonicMs(),
    onAvailable: (available) =>
      available
        ? logger.info('Redis is there again; limits are counted for all nodes')
        : logger.warn('Redis is away; each process counts its limits by itself'),
  });
  return { shared: counters, redis };
}

function mergeReporter(logger: Logger) {
  return (mergeable: boolean, error?: unknown): void => {
    if (mergeable) logger.info('limits are added up with those of other processes again');
    else logger.warn('limits cannot be added up with those of other processes', { error });
  };
}

function quotasOf({ limits }: Config): Quotas {
  const read = (name: string, text: string): Quota => {
    const quota = parseQuota(name, text);
    assert(quota !== null, 'the configuration checked the quotas');
    return quota;
  };
  return {
    public: read('public', limits.public),
    authenticated: read('authenticated', limits.authenticated),
    admin: read('admin', limits.admin),
    credential: read('credential', limits.credential),
    credentialAddress: read('credential-address', limits.credentialAddress),
    mail: read('mail', limits.mail),
    mailAddress: read('mail-address', limits.mailAddress),
  };
}
