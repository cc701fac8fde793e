/** Servers with several processes that cannot start, or not start again. */
import { rmSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectDirectly } from '../packages/server/test/support/direct-connection.ts';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { eventually } from '../packages/server/test/support/wait.ts';
import { runCommand } from './support/program.ts';
import { makeDirectory, settingsOf } from './support/server.ts';
import { childPids, deathsOf, startProcesses } from './support/serving-processes.ts';
import { startSmtpSink } from './support/smtp-sink.ts';

let directory: string;

beforeAll(() => {
  directory = makeDirectory();
  return () => rmSync(directory, { recursive: true, force: true });
});

it('gives up with one sentence when a process cannot be started again', async () => {
  const database = await cloneDatabase();
  const sink = await startSmtpSink();
  const server = await startProcesses({ database, dataDirectory: directory, smtpUrl: sink.url });
  await forbidConnections(database);
  const [victim = 0] = childPids(server);
  process.kill(victim, 'SIGKILL');
  await eventually(() => server.hasExited(), { what: 'the server gives up', timeoutMs: 120_000 });
  expect(await server.stop()).toBe(1);
  expect(deathsOf(server).map(({ signal, exitCode }) => signal ?? exitCode)).toEqual(['SIGKILL', 1, 1, 1, 1, 1]);
  expect(server.logs()).toMatch(/^The start of a process failed 5 times\. .*not currently accepting connections.*\n$/m);
  await sink.close();
});

async function forbidConnections(database: string): Promise<void> {
  const url = new URL(database);
  const name = url.pathname.slice(1);
  url.pathname = '/postgres';
  const admin = await connectDirectly(url.href);
  try {
    await admin.query(`alter database "${name}" allow_connections false`);
  } finally {
    await admin.end();
  }
}

describe('serve --processes fails with one sentence', () => {
  it.each([
    ['the embedded database', 'embedded', ['--processes', '2'], 78, 'DATABASE_URL'],
    ['an invalid number', 'embedded', ['--processes', 'two'], 2, 'from 1 to 64'],
  ] as const)('%s', async (_, kind, parameters, code, sentence) => {
    const settings = settingsOf({ database: kind }, directory, 3000);
    const result = await runCommand(['serve', ...parameters], settings);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(sentence);
    expect(result.stderr.trim().split('\n')).toHaveLength(1);
  });
});
