import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { Dependencies } from '#platform/dependencies/index.ts';
import { createLogger } from '#platform/telemetry/index.ts';
import { parseRedisUrl } from '#protocol/connection-url/index.ts';
import { parsedValue } from '#test/support/parsed.ts';
import { type SentinelDeployment, startSentinelDeployment } from '#test/support/redis-sentinel.ts';
import { eventually } from '#test/support/wait.ts';
import { openRedis, type RedisConnection } from './index.ts';

const serverInfo = `return redis.call('INFO', 'server')`;

let deployment: SentinelDeployment;
let connection: RedisConnection;
const lines: string[] = [];

const works = () =>
  eventually(async () => (await connection.check()) === undefined, { what: 'Redis works', timeoutMs: 15_000 });

async function usedPort(): Promise<string | undefined> {
  return /^tcp_port:(\d+)/m.exec(String(await connection.run(serverInfo, [], [])))?.[1];
}

beforeAll(async () => {
  deployment = await startSentinelDeployment(1);
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: 'info', service: 'test', version: '0', destination });
  const dependencies = new Dependencies({ clock: systemClock, logger });
  const server = parsedValue(parseRedisUrl(deployment.url));
  connection = openRedis(server, { timeoutMs: 250, clock: systemClock, dependencies });
});

afterAll(async () => {
  await connection.close();
  await deployment[Symbol.asyncDispose]();
});

it('is the primary that its sentinels name, and the next one when that is frozen', async () => {
  await works();
  expect(await usedPort()).toBe(new URL(deployment.primary.url).port);
  deployment.primary.freeze();
  await expect(connection.run(serverInfo, [], [])).rejects.toThrow('Command timed out');
  await works();
  expect(await usedPort()).toBe(new URL(deployment.replica.url).port);
  expect(lines.join()).not.toMatch(/of redis|of sentinels/);
});
