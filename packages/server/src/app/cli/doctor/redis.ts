/** Checks that Redis, if it is configured, accepts connections and writes. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import { Dependencies } from '#platform/dependencies/index.ts';
import { notConnectedYet, openRedis, type RedisConnection, type RedisServer } from '#platform/redis/index.ts';
import { silentWatchers } from '../silent.ts';
import { type Finding, fail, ok } from './finding.ts';

/** Longer than the timeout of a request, because the operator waits. */
const timeoutMs = 3000;

const part = 'Redis';
const fix =
  'Check REDIS_URL, and that the server is running and is a primary. Each process counts its limits by itself meanwhile.';

export async function examineRedis({ redis: server }: Config): Promise<Finding[]> {
  if (server === undefined) return [];
  const address = addressOf(server);
  const dependencies = new Dependencies({ clock: systemClock, logger: silentWatchers().logger });
  const connection = openRedis(server, { timeoutMs, clock: systemClock, dependencies });
  try {
    const refusal = await firstRefusal(connection);
    if (refusal !== undefined) return [fail(part, `${address} accepts no writes: ${refusal}.`, fix)];
    return [ok(part, `${address} accepts writes (version ${await versionOf(connection)}).`)];
  } finally {
    await connection.close();
  }
}

function addressOf(server: RedisServer): string {
  if (server.kind === 'server') return `${server.host}:${server.port}`;
  const sentinels = server.sentinels.map(({ host, port }) => `${host}:${port}`).join(', ');
  return `The primary "${server.name}" of the sentinels ${sentinels}`;
}

/** The connection is made in the background: until it has failed or is there, the check has no reason of its own. */
async function firstRefusal(connection: RedisConnection): Promise<string | undefined> {
  const startedMs = systemClock.monotonicMs();
  for (;;) {
    const refusal = await connection.check();
    const isPending = refusal === notConnectedYet && systemClock.monotonicMs() - startedMs < timeoutMs;
    if (!isPending) return refusal;
    await pause(20);
  }
}

/** A user of Redis may lack the permission to read it. */
async function versionOf(connection: RedisConnection): Promise<string> {
  const info = await connection.run(`return redis.call('INFO', 'server')`, [], []).catch(() => '');
  return /^redis_version:(\S+)/m.exec(String(info))?.[1] ?? 'unknown';
}
