/** The rate limits of the configuration, counted in Redis or in the database, which all nodes share. */
import type { Config } from '#config/index.ts';
import { RefreshQuota } from '#flows/refresh/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import type { Dependencies } from '#platform/dependencies/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import {
  DatabaseWindows,
  type Quota,
  type Quotas,
  RateLimits,
  RedisWindows,
  type WindowStore,
} from '#platform/rate-limit/index.ts';
import { openRedis, type RedisConnection } from '#platform/redis/index.ts';
import type { Logger } from '#platform/telemetry/index.ts';
import { addressBucket } from '#protocol/network-address/index.ts';
import type { OpenResources } from './open-resources.ts';
import { differOnlyInPassword, type SecretUsers } from './secret-reload.ts';

interface Ground {
  readonly config: Config;
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly logger: Logger;
  readonly resources: OpenResources;
  readonly secretUsers: SecretUsers;
  readonly dependencies: Dependencies;
}

export function wireLimits(ground: Ground): {
  readonly limits: RateLimits;
  readonly refreshQuota: RefreshQuota;
  readonly redis: RedisConnection | undefined;
} {
  const { config, clock, logger } = ground;
  const { store, redis } = openStore(ground);
  const onReportable = reporterOf(logger);
  const limits = new RateLimits({ quotas: quotasOf(config), store, clock, bucketOf: addressBucket, onReportable });
  return { limits, refreshQuota: new RefreshQuota(limits, clock), redis };
}

function openStore(ground: Ground): { store: WindowStore; redis: RedisConnection | undefined } {
  const { config, database, clock, keys, logger, dependencies, resources, secretUsers } = ground;
  // Keys contain addresses, which must not be readable in a dump or in Redis.
  const hash = (text: string) => keys.mac('lookup', text);
  if (config.redis === undefined) return { store: new DatabaseWindows({ database, clock, hash }), redis: undefined };
  const redis = openRedis(config.redis, {
    timeoutMs: config.redisTimeoutMs,
    clock,
    dependencies,
  });
  resources.add('the connection to Redis', () => redis.close());
  secretUsers.add(
    'REDIS_URL',
    (now) => now.redis,
    async (now, before) => {
      if (!differOnlyInPassword(now, before)) return false;
      await redis.usePassword(now.password);
      return true;
    },
  );
  // Why Redis fails is in the report of the dependencies.
  const onAvailable = (isAvailable: boolean): void => {
    if (isAvailable) logger.info('Redis is available again; limits are counted for all nodes');
    else logger.warn('Redis is unavailable; each process counts its limits by itself');
  };
  return { store: new RedisWindows({ redis, clock, hash, onAvailable }), redis };
}

function reporterOf(logger: Logger) {
  return (isReportable: boolean, error?: unknown): void => {
    if (isReportable) logger.info('limits are shared with other processes again');
    else logger.warn('limits cannot be shared with other processes', { error });
  };
}

function quotasOf({ limits }: Config): Quotas {
  const named = (name: string, rule: Omit<Quota, 'name'>): Quota => ({ name, ...rule });
  return {
    public: named('public', limits.public),
    pages: named('pages', limits.pages),
    authenticated: named('authenticated', limits.authenticated),
    admin: named('admin', limits.admin),
    credential: named('credential', limits.credential),
    credentialAddress: named('credential-address', limits.credentialAddress),
    mail: named('mail', limits.mail),
    mailTogether: named('mail-together', limits.mailTogether),
    mailAddress: named('mail-address', limits.mailAddress),
  };
}
