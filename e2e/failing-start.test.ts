import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneDatabase } from '../packages/server/test/support/postgres.ts';
import { findFreePort } from './support/free-port.ts';
import { launcher, runCommand, type Settings, startProgram } from './support/program.ts';
import { makeDirectory, settingsOf } from './support/server.ts';

/** Ten seconds on a machine that does nothing else; other tests run meanwhile. */
const endsWithinMs = 20_000;

let directory: string;
let database: string;
const servers: Server[] = [];

beforeAll(async () => {
  directory = makeDirectory();
  database = await cloneDatabase();
  // The first command creates keys under the KEK of `settingsOf`.
  const created = await runCommand(['keys', 'list'], settingsOf({ database }, directory, 0));
  expect(created.code, created.stderr).toBe(0);
});

afterAll(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Fault {
  readonly settings: Settings;
  readonly code: 1 | 78;
  readonly sentence: RegExp;
}

async function takePort(host: string): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  servers.push(server);
  return (server.address() as { port: number }).port;
}

const faults: Readonly<Record<string, () => Promise<Fault>>> = {
  'the database is away': async () => ({
    settings: { DATABASE_URL: `postgres://user@127.0.0.1:${await findFreePort()}/nothing` },
    code: 1,
    sentence: /PostgreSQL/,
  }),
  'the public port is taken on ::1 only': async () => {
    const port = await takePort('::1');
    const settings = { LATCHKEY_HOST: '127.0.0.1,::1', LATCHKEY_PORT: String(port) };
    return { settings, code: 1, sentence: new RegExp(`^Port ${port} on ::1 is already in use\\. .*LATCHKEY_PORT`) };
  },
  'the operator’s port is taken': async () => {
    const port = await takePort('127.0.0.1');
    const sentence = new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is already in use\\. .*LATCHKEY_OPS_PORT`);
    return { settings: { LATCHKEY_OPS_PORT: String(port) }, code: 1, sentence };
  },
  'the key-encryption key is another, with Redis away': async () => ({
    settings: {
      LATCHKEY_KEK: randomBytes(32).toString('base64'),
      REDIS_URL: `redis://127.0.0.1:${await findFreePort()}`,
    },
    code: 78,
    sentence: /key/,
  }),
  'the password filter is missing, with Redis away': async () => ({
    settings: {
      LATCHKEY_PASSWORD_FILTER: join(directory, 'missing'),
      REDIS_URL: `redis://127.0.0.1:${await findFreePort()}`,
    },
    code: 78,
    sentence: /LATCHKEY_PASSWORD_FILTER/,
  }),
  'a setting is malformed': async () => ({
    settings: { LATCHKEY_DRAIN_SECONDS: 'soon' },
    code: 78,
    sentence: /LATCHKEY_DRAIN_SECONDS/,
  }),
};

describe.each([
  ['one process', []],
  ['three processes', ['--processes', '3']],
] as const)('a failing start with %s', (_, parameters) => {
  it.each(Object.entries(faults))('prints one sentence and exits when %s', async (_name, prepare) => {
    const { settings, code, sentence } = await prepare();
    const common = settingsOf({ database, smtpUrl: 'smtp://127.0.0.1:9' }, directory, await findFreePort());
    const all = { ...common, LATCHKEY_OPS_PORT: String(await findFreePort()), ...settings };
    await expectFailure(['serve', ...parameters], all, { code, sentence });
  });
});

describe('a failing start on the embedded database', () => {
  it('prints one sentence and exits when the data directory is unusable', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const settings = settingsOf({ database: 'embedded' }, join(file, 'data'), await findFreePort());
    await expectFailure(['serve'], settings, { code: 78, sentence: /parent of the path is not a directory/ });
  });
});

/** Also asserts that no process of its group is left. */
async function expectFailure(
  command: readonly string[],
  settings: Settings,
  { code, sentence }: Omit<Fault, 'settings'>,
): Promise<void> {
  const startedMs = performance.now();
  const program = startProgram([process.execPath, launcher, ...command], settings, { group: true });
  const exited = await program.exited;
  const elapsedMs = performance.now() - startedMs;
  const output = program.stderr() + program.stdout();
  expect(exited, output).toEqual({ code, signal: null });
  expect(program.stderr().trimEnd().split('\n'), output).toHaveLength(1);
  expect(program.stderr()).toMatch(sentence);
  expect(output).not.toMatch(/^\s+at /m);
  expect(elapsedMs).toBeLessThan(endsWithinMs);
  expect(() => process.kill(-program.pid, 'SIGCONT'), 'a process is left').toThrow('ESRCH');
}
