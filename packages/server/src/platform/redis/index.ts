/**
 * The connection to Redis, when one is configured. Owns no table and no key: what is kept there belongs to who asks.
 * Invariants: nothing that must be right depends on Redis being there (invariant 17); a question waits `answerMs` and no
 * longer, is never queued while the connection is down, and is never sent a second time.
 */
import { hash } from 'node:crypto';
import { Redis } from 'ioredis';

const reconnectAtMostMs = 1000;

/** A connection that comes back by itself. */
export interface RedisConnection {
  /** Runs a script; rejects when Redis is away or silent. */
  run(script: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
  /** Rejects when Redis does not answer now. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Connects in the background: a server starts although its Redis is away. */
export function openRedis(
  url: string,
  options: {
    /** How long Redis may take for an answer: it is asked in the middle of requests. */
    readonly answerMs: number;
    readonly onError: (error: Error) => void;
    readonly onReady: () => void;
  },
): RedisConnection {
  const redis = new Redis(url, {
    commandTimeout: options.answerMs,
    connectTimeout: 2000,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 5), reconnectAtMostMs),
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
        // Redis was started anew and has not seen the script.
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
