/**
 * The connection to Redis, if one is configured. It owns no keys; modules that use it own theirs.
 * Invariants: no request fails because Redis is down (invariant 23); a command waits at most `timeoutMs`, is never queued
 * while the connection is down, and is never sent again after the connection was lost.
 */
import { hash } from 'node:crypto';
import { Redis } from 'ioredis';

const maxReconnectDelayMs = 1000;

/** The Redis of the settings. */
export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The number of the logical database. */
  readonly db: number;
}

/** It reconnects by itself. */
export interface RedisConnection {
  /** Runs a Lua script; rejects when Redis is down or does not respond in time. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Rejects when Redis does not respond. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Connects in the background, so that the server starts while Redis is down. */
export function openRedis(
  { tls, ...server }: RedisServer,
  options: {
    /** Timeout of a command; requests wait for it. */
    readonly timeoutMs: number;
    readonly onError: (error: Error) => void;
    readonly onReady: () => void;
  },
): RedisConnection {
  const redis = new Redis({
    ...server,
    ...(tls ? { tls: {} } : {}),
    commandTimeout: options.timeoutMs,
    connectTimeout: 2000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), maxReconnectDelayMs),
  });
  redis.on('error', options.onError);
  redis.on('ready', options.onReady);
  const digests = new Map<string, string>();
  return {
    run: async (script, keys, args) => {
      const digest = digests.get(script) ?? hash('sha1', script);
      digests.set(script, digest);
      try {
        return await redis.evalsha(digest, keys.length, ...keys, ...args);
      } catch (error) {
        // The script is not cached: its first use, or Redis was restarted.
        if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
        return await redis.eval(script, keys.length, ...keys, ...args);
      }
    },
    ping: async () => {
      await redis.ping();
    },
    close: async () => {
      redis.disconnect();
    },
  };
}
