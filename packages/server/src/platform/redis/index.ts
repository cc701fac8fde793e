/**
 * The connection to Redis, if one is configured. It owns no table; modules that use it own their keys, and this one owns
 * `{latchkey:probe}`.
 * Invariants: no request fails because Redis is down or refuses (invariant 23); a command waits at most `timeoutMs`, is
 * never queued while the connection is down, and is never sent again after the connection was lost; each refusal is
 * reported with Redis's own words.
 */
import { hash } from 'node:crypto';
import type { RedisOptions as AllDriverOptions, Redis } from 'ioredis';
import type { Clock } from '#kernel/clock.ts';
import type { Dependencies } from '#platform/dependencies/index.ts';
import { inSpan } from '#platform/telemetry/index.ts';

/** For the connection; the timeout of a command is a setting. */
export const redisLimits = { connectMs: 2000, reconnectMs: 1000 } as const;

/** Without the form of replies, which the constructor's overloads distinguish. */
type DriverOptions = Omit<AllDriverOptions, 'replyMapping'>;

interface RedisLogin {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/** The Redis of the settings: a server, or the primary that its sentinels name. */
export type RedisServer = RedisLogin &
  (
    | ({ readonly kind: 'server' } & HostAndPort)
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly [HostAndPort, ...HostAndPort[]];
        readonly name: string;
        readonly sentinelLogin: RedisLogin;
      }
  ) & {
    readonly tls: boolean;
    /** The number of the logical database. */
    readonly db: number;
  };

/**
 * Replies of a server that has become a replica, lost its primary or quorum, or changed its passwords. A new connection
 * resolves the name again, and so finds the new primary.
 */
const needsOtherConnection = /\b(?:READONLY|MASTERDOWN|NOREPLICAS|LOADING|NOAUTH|WRONGPASS)\b/;
/** A primary that is frozen keeps its connections. Its sentinels name another one, and a new connection asks them. */
const isSilent = (reason: string) => reason === 'Command timed out';
/** One connection a second to a server that refuses, however many commands it refuses. */
const replaceEveryMs = 1000;

const writeScript = `return redis.call('SET', KEYS[1], '1', 'PX', 1000)`;
const probeKey = '{latchkey:probe}';

/** The reason of `check` until the first connection is there or has failed. */
export const notConnectedYet = 'not connected yet';

/** It reconnects by itself. */
export interface RedisConnection {
  /** Runs a Lua script; rejects when Redis is down, refuses or does not respond in time. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Returns why Redis rejects a write, or undefined. */
  check(): Promise<string | undefined>;
  /** Logs in with another password from the next connection on. */
  usePassword(password: string | undefined): Promise<void>;
  close(): Promise<void>;
}

export interface RedisOptions {
  /** Timeout of a command; requests wait for it. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly dependencies: Dependencies;
  /** Called whenever a connection is ready. */
  readonly onReady?: () => void;
}

/** Connects in the background, so that the server starts while Redis is down. */
export function openRedis(server: RedisServer, options: RedisOptions): RedisConnection {
  return new Connection(server, options);
}

class Connection implements RedisConnection {
  readonly #redis: Promise<Redis>;
  readonly #options: RedisOptions;
  readonly #hasSentinels: boolean;
  readonly #digests = new Map<string, string>();
  #replacedMs = Number.NEGATIVE_INFINITY;
  /** Why there is no connection: commands are rejected for that alone, without the reason. */
  #disconnected: string | undefined = notConnectedYet;

  constructor(server: RedisServer, options: RedisOptions) {
    this.#options = options;
    this.#hasSentinels = server.kind === 'sentinel';
    this.#redis = this.#open(server);
  }

  /** Loads the driver only where Redis is configured, because it delays the start. */
  async #open(server: RedisServer): Promise<Redis> {
    const { Redis } = await import('ioredis');
    const redis = new Redis({
      ...driverOptions(server),
      commandTimeout: this.#options.timeoutMs,
      connectTimeout: redisLimits.connectMs,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: reconnectDelayMs,
    });
    redis.on('error', (error: Error) => {
      this.#disconnected = reasonOf(error);
      this.#refused(redis, this.#disconnected, error);
    });
    redis.on('ready', () => {
      this.#disconnected = undefined;
      this.#options.onReady?.();
    });
    redis.on('close', () => {
      this.#disconnected ??= 'the connection was closed';
    });
    return redis;
  }

  async run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const redis = await this.#redis;
    try {
      const span = ['client', 'redis.script', { 'db.system.name': 'redis' }] as const;
      const result = await inSpan(span, () => this.#execute(redis, script, keys, args));
      this.#options.dependencies.works('redis');
      return result;
    } catch (error) {
      this.#refused(redis, this.#disconnected ?? reasonOf(error), error);
      throw error;
    }
  }

  async check(): Promise<string | undefined> {
    try {
      await this.run(writeScript, [probeKey], []);
      return undefined;
    } catch {
      return this.#options.dependencies.reason('redis');
    }
  }

  async usePassword(password: string | undefined): Promise<void> {
    const redis = await this.#redis;
    if (password === undefined) delete redis.options.password;
    else redis.options.password = password;
  }

  async close(): Promise<void> {
    (await this.#redis).disconnect();
  }

  async #execute(
    redis: Redis,
    script: string,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const digest = this.#digests.get(script) ?? hash('sha1', script);
    this.#digests.set(script, digest);
    try {
      return await redis.evalsha(digest, keys.length, ...keys, ...args);
    } catch (error) {
      // The script is not cached: its first use, or Redis was restarted.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await redis.eval(script, keys.length, ...keys, ...args);
    }
  }

  #refused(redis: Redis, reason: string, error: unknown): void {
    this.#options.dependencies.refused('redis', reason, error);
    const isElsewhere = needsOtherConnection.test(reason) || (this.#hasSentinels && isSilent(reason));
    if (!isElsewhere || redis.status !== 'ready') return;
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#replacedMs < replaceEveryMs) return;
    this.#replacedMs = nowMs;
    this.#disconnected = reason;
    redis.disconnect(true);
  }
}

function reconnectDelayMs(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 5), redisLimits.reconnectMs);
}

/** The driver's options for the address and the logins; exported for the test of the settings. */
export function driverOptions(server: RedisServer): DriverOptions {
  const { username, password, db, tls } = server;
  const login = { username, password, db, ...(tls ? { tls: {} } : {}) };
  if (server.kind === 'server') return { ...login, host: server.host, port: server.port };
  const { sentinels, name, sentinelLogin } = server;
  return {
    ...login,
    sentinels: [...sentinels],
    name,
    ...(sentinelLogin.username === undefined ? {} : { sentinelUsername: sentinelLogin.username }),
    ...(sentinelLogin.password === undefined ? {} : { sentinelPassword: sentinelLogin.password }),
    ...(tls ? { sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    // A frozen sentinel accepts connections and does not respond.
    sentinelCommandTimeout: redisLimits.connectMs,
    sentinelRetryStrategy: reconnectDelayMs,
    sentinelReconnectStrategy: reconnectDelayMs,
    // Closes the connection when the sentinels name another primary: the old one may be frozen.
    failoverDetector: true,
  };
}

/** The driver rejects commands with these between the loss of the connection and its event. */
const noConnection = /^(?:Stream isn't writeable|Connection is closed)/;

/** Redis's reply or the driver's message; a failed connection to several addresses has only a code. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  if (noConnection.test(error.message)) return 'the connection was closed';
  if (error.message !== '') return error.message;
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
