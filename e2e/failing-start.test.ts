import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectDirectly } from '../packages/server/test/support/direct-connection.ts';
import { cloneDatabase, createDatabase } from '../packages/server/test/support/postgres.ts';
import { startPostgresProxy, withOtherProcessId } from '../packages/server/test/support/postgres-proxy.ts';
import { findFreePort } from './support/free-port.ts';
import { launcher, root, runCommand, type Settings, startProgram } from './support/program.ts';
import { makeDirectory, production, settingsOf } from './support/server.ts';

/** Ten seconds on a machine that does nothing else; other tests run meanwhile. */
const endsWithinMs = 20_000;

let directory: string;
let database: string;
const servers: Server[] = [];
const proxies: AsyncDisposable[] = [];

beforeAll(async () => {
  directory = makeDirectory();
  database = await cloneDatabase();
  // The first command creates keys under the KEK of `settingsOf`.
  const created = await runCommand(['keys', 'list'], settingsOf({ database }, directory, 0));
  expect(created.code, created.stderr).toBe(0);
});

afterAll(async () => {
  for (const server of servers) server.close();
  await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
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
  'PostgreSQL rejects the password': async () => ({
    settings: { DATABASE_URL: await through((data) => (isAuthentication(data) ? wrongPassword() : data)) },
    code: 1,
    sentence: /^Cannot connect to PostgreSQL: password authentication failed for user "latchkey"/,
  }),
  'there is an undeclared pooler': async () => ({
    settings: { DATABASE_URL: await through(withOtherProcessId) },
    code: 78,
    sentence: /^There is a connection pooler .*DATABASE_POOLER=transaction/,
  }),
  'the database has another encoding': async () => ({
    settings: { DATABASE_URL: await createLatin1Database() },
    code: 78,
    sentence: /^The database has the encoding LATIN1, and UTF8 is needed/,
  }),
};

async function through(rewrite: (data: Buffer) => Buffer): Promise<string> {
  const proxy = await startPostgresProxy(database, rewrite);
  proxies.push(proxy);
  return proxy.url;
}

function isAuthentication(data: Buffer): boolean {
  return data.subarray(0, 1).toString() === 'R';
}

/** ErrorResponse, as a server sends it that requires a password. */
function wrongPassword(): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed for user "latchkey"', ''];
  const body = Buffer.from(`${fields.join('\0')}\0`);
  const head = Buffer.from('E\0\0\0\0');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

async function createLatin1Database(): Promise<string> {
  const url = new URL(await createDatabase());
  const client = await connectDirectly(url.href);
  const name = `${url.pathname.slice(1)}_latin1`;
  try {
    await client.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
  } finally {
    await client.end();
  }
  return Object.assign(url, { pathname: `/${name}` }).href;
}

const mistakes: readonly (readonly [name: string, settings: Settings, sentence: RegExp])[] = [
  ['a setting is malformed', { LATCHKEY_DRAIN_SECONDS: 'soon' }, /^LATCHKEY_DRAIN_SECONDS/],
  ['the URL of the mail server lacks a password', { SMTP_URL: 'smtp://user@mail.example' }, /^SMTP_URL/],
  ['the URL of Redis names no number', { REDIS_URL: 'redis://127.0.0.1/cache' }, /^REDIS_URL/],
];

async function settingsWith(changes: Settings): Promise<Settings> {
  const common = settingsOf({ database, smtpUrl: 'smtp://127.0.0.1:9' }, directory, await findFreePort());
  return { ...common, LATCHKEY_OPS_PORT: String(await findFreePort()), ...changes };
}

describe.concurrent.each([
  ['one process', []],
  ['three processes', ['--processes', '3']],
] as const)('a failing start with %s', (_, parameters) => {
  it.each(Object.entries(faults))('prints one sentence and exits when %s', async (_name, prepare) => {
    const { settings, code, sentence } = await prepare();
    await expectFailure([launcher, 'serve', ...parameters], await settingsWith(settings), { code, sentence });
  });
});

describe.concurrent('a start with unusable settings', () => {
  it.each(mistakes)('prints one sentence and exits when %s', async (_, settings, sentence) => {
    await expectFailure([launcher, 'serve'], await settingsWith(settings), { code: 78, sentence });
  });

  it('prints one sentence and exits when the data directory is unusable', async () => {
    const file = join(directory, 'file');
    writeFileSync(file, '');
    const settings = settingsOf({ database: 'embedded' }, join(file, 'data'), await findFreePort());
    const sentence = /parent of the path is not a directory/;
    await expectFailure([launcher, 'serve'], settings, { code: 78, sentence });
  });
});

describe.concurrent('a start in production', () => {
  it('creates no schema in an empty database', async () => {
    const settings = await settingsWith({ ...production, DATABASE_URL: await createDatabase() });
    const sentence = /has no Latchkey schema\. Run "latchkey migrate up" to create it/;
    await expectFailure([launcher, 'serve'], settings, { code: 78, sentence });
  });

  it('does not migrate the schema of an earlier release', async () => {
    const laterRelease = createLaterRelease();
    const sentence = /^The database schema is older than this release\. Run "latchkey migrate up" first\.$/m;
    await expectFailure([laterRelease, 'serve'], await settingsWith(production), { code: 78, sentence });
  });
});

describe.concurrent('a damaged installation', () => {
  it.each(['src/platform/telemetry/index.ts', 'src/app/serve.ts'])(
    'prints what cannot be loaded when %s is missing',
    async (file) => {
      const copy = copyRelease(file.replaceAll('/', '-'));
      rmSync(join(copy, inServer(file)));
      const settings = await settingsWith({});
      const launcherOfCopy = join(copy, 'bin', 'latchkey.cjs');
      const sentence = new RegExp(`^.*${RegExp.escape(file)}`);
      await expectFailure([launcherOfCopy, 'serve'], settings, { code: 1, sentence });
    },
  );
});

/** Returns the directory of a copy of this release, which runs from its sources. */
function copyRelease(name: string): string {
  const copy = join(directory, name);
  const parts = ['package.json', 'bin', ...['package.json', 'src', 'locales', 'migrations'].map(inServer)];
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** Returns the launcher of a copy of this release with one more migration. */
function createLaterRelease(): string {
  const copy = copyRelease('later');
  const migrations = join(copy, inServer('migrations'));
  const last = Math.max(...readdirSync(migrations).map((name) => Number.parseInt(name, 10)));
  const migration = join(migrations, `${String(last + 1).padStart(4, '0')}_later`);
  writeFileSync(`${migration}.up.sql`, '-- expand: for a test\nalter table users add later text;\n');
  writeFileSync(`${migration}.down.sql`, 'alter table users drop later;\n');
  return join(copy, 'bin', 'latchkey.cjs');
}

function inServer(path: string): string {
  return join('packages', 'server', path);
}

/** Also asserts that no process of its group is left. */
async function expectFailure(
  command: readonly string[],
  settings: Settings,
  { code, sentence }: Omit<Fault, 'settings'>,
): Promise<void> {
  const startedMs = performance.now();
  const program = startProgram([process.execPath, ...command], settings, { group: true });
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
