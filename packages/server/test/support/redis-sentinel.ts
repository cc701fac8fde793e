import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findFreePort } from '../../../../e2e/support/free-port.ts';
import { provideRedisProgram, startRedis, type TestRedis } from './redis.ts';
import { eventually } from './wait.ts';

/** A primary, a replica of it, and sentinels that promote the replica when the primary is away for 500 ms. */
export interface SentinelDeployment extends AsyncDisposable {
  readonly primary: TestRedis;
  readonly replica: TestRedis;
  /** Connection string with all sentinels, as REDIS_URL. */
  readonly url: string;
}

const passwordOfRedis = 'of redis';
const passwordOfSentinels = 'of sentinels';
const name = 'latchkey-test';
const downAfterMs = 500;

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves when every sentinel knows the others and the replica, so that a failover is possible. */
export async function startSentinelDeployment(sentinels: number): Promise<SentinelDeployment> {
  const secured = ['--requirepass', passwordOfRedis, '--masterauth', passwordOfRedis];
  const primary = await startRedis(secured);
  const replica = await startRedis([...secured, '--replicaof', `127.0.0.1 ${portOf(primary)}`]);
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-sentinel-'));
  const ports: number[] = [];
  const children: ChildProcess[] = [];
  for (let index = 0; index < sentinels; index += 1) {
    const port = await findFreePort();
    const file = join(directory, `${port}.conf`);
    writeFileSync(file, configuration(port, portOf(primary), sentinels));
    const child = spawn(provideRedisProgram(), [file, '--sentinel'], { cwd: directory, stdio: 'ignore' });
    running.add(child);
    ports.push(port);
    children.push(child);
  }
  for (const port of ports) await awaitKnowledge(port, sentinels);
  const list = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const login = `:${encodeURIComponent(passwordOfRedis)}@`;
  return {
    primary,
    replica,
    url: `redis+sentinel://${login}${list}/${name}/0?sentinel_password=${encodeURIComponent(passwordOfSentinels)}`,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(children.map(end));
      await Promise.all([primary, replica].map((redis) => redis[Symbol.asyncDispose]()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function configuration(port: number, primaryPort: number, sentinels: number): string {
  return `port ${port}
bind 127.0.0.1
requirepass "${passwordOfSentinels}"
sentinel sentinel-pass "${passwordOfSentinels}"
sentinel monitor ${name} 127.0.0.1 ${primaryPort} ${Math.floor(sentinels / 2) + 1}
sentinel auth-pass ${name} "${passwordOfRedis}"
sentinel down-after-milliseconds ${name} ${downAfterMs}
sentinel failover-timeout ${name} 5000
`;
}

async function awaitKnowledge(port: number, sentinels: number): Promise<void> {
  const operator = new Redis({
    port,
    password: passwordOfSentinels,
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
  });
  // It starts meanwhile.
  operator.on('error', () => undefined);
  const isComplete = async () => {
    const facts = (await operator.call('sentinel', 'master', name)) as string[];
    const factOf = (fact: string) => Number(facts[facts.indexOf(fact) + 1]);
    return factOf('num-slaves') === 1 && factOf('num-other-sentinels') === sentinels - 1;
  };
  await eventually(isComplete, { what: 'the sentinel knows the deployment', timeoutMs: 30_000 });
  operator.disconnect();
}

function portOf({ url }: TestRedis): number {
  return Number(new URL(url).port);
}

async function end(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
