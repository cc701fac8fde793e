import { chownSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DatabaseServer, diskFiles, loadConfig } from '#config/index.ts';
import { systemClock } from '#kernel/clock.ts';
import { migrationStatus, openPostgres } from '#platform/database/index.ts';
import { makeCertificate } from './support/certificates.ts';
import { createDatabase } from './support/postgres.ts';
import { type PostgresCluster, startPostgres } from './support/postgres-cluster.ts';
import { eventually } from './support/wait.ts';

let cluster: PostgresCluster;
let port: string;
let authority: string;

beforeAll(async () => {
  cluster = await startPostgres();
  ({ port } = new URL(cluster.adminUrl));
  authority = join(cluster.socketDirectory, 'server.crt');
  const { uid, gid } = statSync(cluster.socketDirectory);
  const { cert, key } = makeCertificate(['localhost']);
  for (const [name, text] of [
    ['server.crt', cert],
    ['server.key', key],
    ['other.crt', makeCertificate(['localhost']).cert],
  ] as const) {
    writeFileSync(join(cluster.socketDirectory, name), text, { mode: 0o600 });
    chownSync(join(cluster.socketDirectory, name), uid, gid);
  }
  const admin = new Client({ connectionString: cluster.adminUrl });
  await admin.connect();
  await admin.query(`alter system set ssl_cert_file = '${authority}'`);
  await admin.query(`alter system set ssl_key_file = '${join(cluster.socketDirectory, 'server.key')}'`);
  await admin.query('alter system set ssl = on');
  await admin.query('select pg_reload_conf()');
  await admin.end();
  await eventually(async () => (await encryption(url('sslmode=prefer'))) === true, { what: 'the server offers TLS' });
});

afterAll(() => cluster.stop());

function url(parameters: string, host = 'localhost'): string {
  return `postgres://latchkey@${host}:${port}/postgres?${parameters}`;
}

async function server(databaseUrl: string): Promise<DatabaseServer> {
  const loaded = await loadConfig({ env: { DATABASE_URL: databaseUrl }, files: diskFiles, cwd: '/' });
  if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
  const { database } = loaded.config;
  if (database.kind === 'embedded') throw new Error('the database is embedded');
  return database.server;
}

/** Whether a pooled connection is encrypted. */
async function encryption(databaseUrl: string): Promise<boolean | undefined> {
  const target = await server(databaseUrl);
  const options = { server: target, applicationName: 'tls', clock: systemClock };
  const database = await openPostgres({ ...options, poolMin: 1, connectTimeoutMs: 10_000 });
  try {
    const admin = new Client({ connectionString: databaseUrl.split('?')[0] });
    await admin.connect();
    const { rows } = await admin.query<{ ssl: boolean }>(
      `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'tls'`,
    );
    await admin.end();
    expect(rows).toHaveLength(1);
    return rows[0]?.ssl;
  } finally {
    await database.close();
  }
}

async function migrations(databaseUrl: string): Promise<unknown> {
  return migrationStatus(await server(databaseUrl));
}

describe('sslmode has the meaning of libpq', () => {
  it.each([
    ['', false],
    ['sslmode=disable', false],
    ['sslmode=prefer', true],
    ['sslmode=require', true],
    ['sslmode=verify-ca&sslrootcert=AUTHORITY', true],
    ['sslmode=verify-full&sslrootcert=AUTHORITY', true],
  ])('"%s" connects to a server with a private authority, encrypted: %s', async (parameters, encrypted) => {
    expect(await encryption(url(parameters.replace('AUTHORITY', authority)))).toBe(encrypted);
  });

  it('verify-ca accepts a certificate for another host, and require with sslrootcert is verify-ca', async () => {
    for (const mode of ['verify-ca', 'require']) {
      expect(await encryption(url(`sslmode=${mode}&sslrootcert=${authority}`, '127.0.0.1'))).toBe(true);
    }
  });

  it('prefer connects to a server without TLS, and the other modes say what to do', async () => {
    const plain = await createDatabase();
    expect(await encryption(`${plain}?sslmode=prefer`)).toBe(false);
    await expect(encryption(`${plain}?sslmode=require`)).rejects.toThrow(/it does not offer TLS; enable ssl/);
  });

  it.each([
    ['sslmode=verify-full', 'localhost', /authority of its certificate is not trusted .* sslrootcert/],
    [
      'sslmode=verify-full&sslrootcert=OTHER',
      'localhost',
      /authority of its certificate is not trusted .* sslrootcert/,
    ],
    ['sslmode=verify-full&sslrootcert=AUTHORITY', '127.0.0.1', /certificate is for another host; .* sslmode=verify-ca/],
  ])('"%s" rejects the server at %s with a sentence, for migrations too', async (parameters, host, sentence) => {
    const files = parameters
      .replace('AUTHORITY', authority)
      .replace('OTHER', join(cluster.socketDirectory, 'other.crt'));
    await expect(encryption(url(files, host))).rejects.toThrow(sentence);
    await expect(migrations(url(files, host))).rejects.toThrow(sentence);
  });
});
