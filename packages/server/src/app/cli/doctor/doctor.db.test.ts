import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Config, diskFiles, loadConfig } from '#config/index.ts';
import { MovableClock } from '#kernel/clock.ts';
import { cloneDatabase, createDatabase } from '#test/support/postgres.ts';
import { startRedis } from '#test/support/redis.ts';
import { wire } from '../../wiring.ts';
import { doctorCommand } from '../doctor.ts';
import { silentWatchers } from '../silent.ts';
import type { Finding } from './finding.ts';

let root: string;
let env: Record<string, string>;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'));
  env = {
    NODE_ENV: 'test',
    LATCHKEY_DATA_DIR: join(root, 'data'),
    LATCHKEY_KEK: randomBytes(32).toString('base64'),
    LATCHKEY_ARGON2_MEMORY_KIB: '8',
    LATCHKEY_ARGON2_TIME: '1',
  };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function config(more: Record<string, string> = {}): Promise<Config> {
  const loaded = await loadConfig({ env: { ...env, ...more }, files: diskFiles, cwd: root });
  if (loaded.kind !== 'ok') throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}

/** Opens and closes the services, which generates the keys. */
async function serveOnce(settings: Config, clock = new MovableClock()): Promise<void> {
  const services = await wire(settings, { logger: silentWatchers().logger, clock });
  await services.close();
}

async function examine(
  settings: Config,
): Promise<{ readonly exitCode: number; find(part: string): Finding | undefined }> {
  const { exitCode, data } = await doctorCommand.run({ options: {}, arguments: [] }, settings, undefined);
  const findings = data as unknown as readonly Finding[];
  return { exitCode, find: (part) => findings.find((each) => each.part === part) };
}

it('creates nothing when there is no deployment', async () => {
  const found = await examine(await config());
  expect(found.exitCode).toBe(0);
  expect(found.find('database')).toMatchObject({ status: 'warn', fix: 'The first start creates it: latchkey serve' });
  expect(existsSync(join(root, 'data'))).toBe(false);
});

it('warns about an empty database and leaves it empty', async () => {
  const settings = await config({ DATABASE_URL: await createDatabase() });
  expect((await examine(settings)).find('schema')).toMatchObject({ status: 'warn', finding: 'The database is empty.' });
  expect((await examine(settings)).find('schema')).toMatchObject({ status: 'warn' });
});

it('reports ok for a deployment that has served', async () => {
  const settings = await config({ DATABASE_URL: await cloneDatabase() });
  await serveOnce(settings);
  const found = await examine(settings);
  for (const part of [
    'public URL',
    'data directory',
    'database',
    'clock',
    'schema',
    'key-encryption key',
    'signing key',
    'passkeys',
  ])
    expect(found.find(part)).toMatchObject({ part, status: 'ok' });
  expect(found.exitCode).toBe(0);
});

it('fails for a KEK that did not wrap the data keys', async () => {
  const url = { DATABASE_URL: await cloneDatabase() };
  await serveOnce(await config(url));
  const other = { ...url, LATCHKEY_KEK: randomBytes(32).toString('base64') };
  const found = await examine(await config(other));
  expect(found.exitCode).toBe(1);
  expect(found.find('key-encryption key')).toMatchObject({ status: 'fail' });
});

it('fails when other users can read the KEK of the data directory, and when it is missing', async () => {
  const settings = await config({ LATCHKEY_KEK: '', DATABASE_URL: await cloneDatabase() });
  await serveOnce(settings);
  const kek = join(root, 'data', 'kek');
  chmodSync(kek, 0o644);
  expect((await examine(settings)).find('data directory')).toMatchObject({
    status: 'fail',
    fix: `Run: chmod 600 ${kek}`,
  });
  rmSync(kek);
  expect((await examine(settings)).find('key-encryption key')).toMatchObject({ status: 'fail' });
  expect(existsSync(kek)).toBe(false);
});

it('fails when other users can enter the data directory, before opening it corrects the mode', async () => {
  const settings = await config();
  await serveOnce(settings);
  const data = join(root, 'data');
  chmodSync(data, 0o755);
  const found = await examine(settings);
  expect(found.exitCode).toBe(1);
  expect(found.find('data directory')).toMatchObject({ status: 'fail', fix: `Run: chmod 700 ${data}` });
  expect(found.find('database')?.finding).toContain('may lose data when the machine crashes');
});

it('warns about an old signing key', async () => {
  const settings = await config({ DATABASE_URL: await cloneDatabase() });
  const clock = new MovableClock();
  clock.advance(-92 * 24 * 60 * 60 * 1000);
  await serveOnce(settings, clock);
  expect((await examine(settings)).find('signing key')).toMatchObject({
    status: 'warn',
    fix: 'Run: latchkey keys rotate',
  });
});

it('fails for a mail server that rejects connections or is down', async () => {
  const rejecting = createServer((socket) => socket.end('550 go away\r\n')).listen(0, '127.0.0.1');
  await once(rejecting, 'listening');
  const address = rejecting.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const settings = await config({ SMTP_URL: `smtp://ada:topsecret@127.0.0.1:${port}` });
  const rejected = await examine(settings);
  rejecting.close();
  await once(rejecting, 'close');
  await expect(once(connect(port, '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
  const down = await examine(settings);
  for (const { exitCode, find } of [rejected, down]) {
    expect(exitCode).toBe(1);
    expect(find('mail')).toMatchObject({ status: 'fail' });
    expect(find('mail')?.finding).not.toContain('topsecret');
  }
});

it.each([
  [{ LATCHKEY_PUBLIC_URL: 'https://login.example.com' }, 'warn'],
  [{ LATCHKEY_PUBLIC_URL: 'http://localhost:5625' }, 'ok'],
])('rates the public URL of %o', async (more, status) => {
  expect((await examine(await config(more))).find('public URL')).toMatchObject({ status });
});

it('warns when other users can read a file with a secret', async () => {
  const path = join(root, 'kek');
  writeFileSync(path, `${env.LATCHKEY_KEK}\n`, { mode: 0o644 });
  const settings = await config({ LATCHKEY_KEK: '', LATCHKEY_KEK_FILE: path });
  expect((await examine(settings)).find('secret files')).toEqual({
    part: 'secret files',
    status: 'warn',
    finding: `Other users can access ${path} (LATCHKEY_KEK_FILE, mode 0644).`,
    fix: `Run: chmod 600 ${path}`,
  });
  chmodSync(path, 0o600);
  expect((await examine(settings)).find('secret files')).toMatchObject({ status: 'ok' });
});

it('reports whether Redis accepts writes, with its version, and fails for a replica and without a server', async () => {
  await using redis = await startRedis();
  const settings = await config({ REDIS_URL: redis.url });
  expect((await examine(settings)).find('Redis')).toMatchObject({
    status: 'ok',
    finding: expect.stringMatching(/^127\.0\.0\.1:\d+ accepts writes \(version \d+\.\d+/) as string,
  });
  const operator = new Redis(redis.url);
  await operator.replicaof('127.0.0.1', 1);
  operator.disconnect();
  expect((await examine(settings)).find('Redis')).toMatchObject({
    status: 'fail',
    finding: expect.stringMatching(/accepts no writes: (?:READONLY|MASTERDOWN) /) as string,
  });
  await redis.kill9();
  const down = await examine(settings);
  expect(down.find('Redis')).toMatchObject({
    status: 'fail',
    finding: expect.stringContaining('ECONNREFUSED') as string,
  });
  expect(down.exitCode).toBe(1);
  expect((await examine(await config())).find('Redis')).toBeUndefined();
});

it('fails for a database that is not in UTF8', async () => {
  const url = new URL(await createDatabase());
  const name = `${url.pathname.slice(1)}_latin`;
  const operator = new Client({ connectionString: url.href });
  await operator.connect();
  await operator.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
  url.pathname = name;
  const found = await examine(await config({ DATABASE_URL: url.href }));
  expect(found.find('database')).toMatchObject({
    status: 'fail',
    finding: expect.stringContaining('LATIN1') as string,
  });
  await operator.query(`drop database ${name}`);
  await operator.end();
});

it('fails for passkeys of another domain, and names the file of related origins', async () => {
  const url = await cloneDatabase();
  const named = { DATABASE_URL: url, LATCHKEY_PUBLIC_URL: 'https://auth.example.com' };
  await serveOnce(await config(named));
  expect((await examine(await config(named))).find('passkeys')).toMatchObject({
    part: 'passkeys',
    status: 'ok',
    finding: 'They are made for auth.example.com.',
  });
  const shared = { ...named, LATCHKEY_PASSKEY_RP_ID: 'example.com', LATCHKEY_PASSKEY_ORIGINS: 'https://other.example' };
  expect((await examine(await config(shared))).find('passkeys')?.finding).toContain(
    'https://example.com/.well-known/webauthn: {"origins":["https://other.example"]}',
  );
  const client = new Client({ connectionString: url });
  await client.connect();
  const id = '0197a2b4-0000-7000-8000-000000000001';
  await client.query(
    `insert into users (id, subject, created_at, updated_at) values ($1, 'ada', '2030-01-01', '2030-01-01')`,
    [id],
  );
  await client.query(
    `insert into passkeys (id, user_id, rp_id, credential_id, user_handle, public_key, algorithm, sign_count, backup_eligible,
      backed_up, verifies_user, aaguid, name, created_at)
    values ($1, $1, 'auth.example.com', decode(repeat('00', 16), 'hex'), '', '', -7, 0, false, false, true, $1, '', '2030-01-01')`,
    [id],
  );
  await client.end();
  expect((await examine(await config(named))).find('passkeys')).toMatchObject({ status: 'ok' });
  const found = await examine(await config(shared));
  expect(found.exitCode).toBe(1);
  expect(found.find('passkeys')).toMatchObject({
    status: 'fail',
    fix: 'Set LATCHKEY_PASSKEY_RP_ID=auth.example.com again, or let users remove those passkeys and add new ones.',
  });
  const address = { DATABASE_URL: url, LATCHKEY_PUBLIC_URL: 'http://127.0.0.1:5625' };
  expect((await examine(await config(address))).find('passkeys')).toMatchObject({ status: 'fail' });
  expect((await examine(await config({ ...shared, LATCHKEY_PASSKEYS: 'off' }))).find('passkeys')).toMatchObject({
    status: 'ok',
  });
});
