/** A PostgreSQL that is demoted, restarted, full or restored under two running nodes, behind a TCP forwarder. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReadiness } from '#app/readiness-checks.ts';
import { present } from '#kernel/assert.ts';
import { migrateUp } from '#platform/database/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { serverAt } from '#test/support/parsed.ts';
import { providePostgresBinaries } from '#test/support/postgres-binaries.ts';
import { type PostgresCluster, startPostgres } from '#test/support/postgres-cluster.ts';
import { startTcpForwarder, type TcpForwarder } from '#test/support/tcp-forwarder.ts';
import { addLoggedInUser, register, uniqueEmail } from '#test/support/user-actions.ts';
import { eventually } from '#test/support/wait.ts';

const wellAgainWithinMs = 10_000;

let primary: PostgresCluster;
let standby: PostgresCluster;
let forwarder: TcpForwarder;
let node: Application;
let otherNode: Application;
let operator: Client;
let successor: Client;

const portOf = (cluster: PostgresCluster) => Number(new URL(cluster.adminUrl).port);

beforeAll(async () => {
  primary = await startPostgres();
  standby = await startPostgres({ standbyOf: primary.adminUrl, smallDiskMegabytes: 2 });
  await migrateUp(serverAt(primary.adminUrl));
  forwarder = await startTcpForwarder(portOf(primary));
  const url = Object.assign(new URL(primary.adminUrl), { port: String(forwarder.port) }).href;
  const env = { DATABASE_URL: url };
  node = await Application.open({ env });
  otherNode = await Application.open({ env, deploymentOf: node });
  [operator, successor] = [primary, standby].map(({ adminUrl }) => new Client({ connectionString: adminUrl })) as [
    Client,
    Client,
  ];
  for (const client of [operator, successor]) client.on('error', () => undefined);
  await Promise.all([operator.connect(), successor.connect()]);
});

afterAll(async () => {
  await Promise.all([node.close(), otherNode.close()]);
  await Promise.all([operator.end(), successor.end()]);
  await forwarder[Symbol.asyncDispose]();
  await Promise.all([primary.stop(), standby.stop()]);
});

const readiness = (app: Application) => openReadiness(app.services, () => undefined).read();

/** An operation that writes and one that reads on both nodes, and readiness. */
async function isWell(): Promise<boolean> {
  const written = await Promise.all([node, otherNode].map((app) => register(app, uniqueEmail())));
  const ready = await Promise.all([node, otherNode].map((app) => app.send('GET', '/readyz')));
  return [...written, ...ready].every(({ status }) => status < 300);
}

async function wellAgain(): Promise<void> {
  const startedMs = performance.now();
  await eventually(isWell, { what: 'both nodes are well again', timeoutMs: wellAgainWithinMs });
  expect(performance.now() - startedMs).toBeLessThan(wellAgainWithinMs);
}

function expectRefused(response: AppResponse): void {
  expect([response.status, response.code]).toEqual([503, 'unavailable']);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
}

async function expectRed(reason: RegExp): Promise<void> {
  const isRed = async () => (await node.send('GET', '/readyz')).status === 503;
  await eventually(isRed, { what: 'readiness is red' });
  const { status, checks } = await readiness(node);
  expect([status, checks.database]).toEqual(['not_ready', expect.stringMatching(reason)]);
}

const session = (app: Application, token: string) => app.send('GET', '/api/v1/auth/session', { token });

/** Logs out on one node; the other, which remembers the session, rejects it within a second. */
async function expectLogoutEverywhere(): Promise<void> {
  const { accessToken: token } = await addLoggedInUser(node);
  expect((await session(otherNode, token)).status).toBe(200);
  expect((await node.send('POST', '/api/v1/auth/logout', { token })).status).toBe(200);
  const isRejected = async () => (await session(otherNode, token)).status === 401;
  await eventually(isRejected, { what: 'the other node rejects the session', timeoutMs: 1000 });
}

describe('a primary that is demoted to read-only and stays up', () => {
  it('is 503 with Retry-After and red readiness, and its successor serves within 10 s', async () => {
    const { accessToken: token } = await addLoggedInUser(node);
    await eventually(hasFollowed, { what: 'the standby has everything' });
    await operator.query('alter system set default_transaction_read_only = on');
    await operator.query('select pg_reload_conf()');
    await eventually(async () => (await register(node, uniqueEmail())).status === 503, { what: 'writes are refused' });
    expectRefused(await register(node, uniqueEmail()));
    expectRefused(await register(otherNode, uniqueEmail()));
    await expectRed(/read-only/);
    await successor.query('select pg_promote()');
    forwarder.forwardTo(portOf(standby));
    await wellAgain();
    expect((await session(node, token)).status).toBe(200);
    await expectLogoutEverywhere();
    const { rows } = await operator.query(
      `select count(*)::int4 as count from pg_stat_activity where application_name = 'latchkey'`,
    );
    expect(rows).toEqual([{ count: 0 }]);
  });
});

async function hasFollowed(): Promise<boolean> {
  const { rows } = await operator.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn');
  const followed = await successor.query<{ done: boolean }>({
    text: 'select pg_last_wal_replay_lsn() >= $1::pg_lsn as done',
    values: [rows[0]?.lsn],
  });
  return followed.rows[0]?.done === true;
}

describe('a server that is restarted', () => {
  it('serves both nodes again within 10 s, without their restart', async () => {
    await standby.kill9();
    // A write that was under way has an unknown outcome; the next one does not reach the server.
    const isUnavailable = async () => (await register(node, uniqueEmail())).code === 'unavailable';
    await eventually(isUnavailable, { what: 'writes are refused' });
    expectRefused(await register(node, uniqueEmail()));
    await expectRed(/ECONNREFUSED|terminated|starting up|closed/);
    await standby.restart();
    await wellAgain();
    await expectLogoutEverywhere();
    successor = new Client({ connectionString: standby.adminUrl });
    await successor.connect();
  });
});

describe('a database that goes back in time under running nodes', () => {
  it('ends no session later than a second after its logout', async () => {
    await successor.query('create table saved as select * from revocations');
    await successor.query(`select setval('revocations_id_seq', 1000)`);
    await expectLogoutEverywhere();
    await successor.query(`begin; delete from revocations; insert into revocations overriding system value
      select * from saved; select setval('revocations_id_seq', (select max(id) from saved)); commit`);
    await expectLogoutEverywhere();
    await expectLogoutEverywhere();
  });
});

describe('a dump that is restored under running nodes', () => {
  it('revokes what it does not have within a second, and revives nothing that was revoked since', async () => {
    const [revoked, kept] = [await addLoggedInUser(node), await addLoggedInUser(node)];
    await dump();
    const later = await addLoggedInUser(node);
    const statuses = async (token: string) =>
      (await Promise.all([session(node, token), session(otherNode, token)])).map(({ status }) => status);
    expect(await statuses(later.accessToken)).toEqual([200, 200]);
    expect(await statuses(revoked.accessToken)).toEqual([200, 200]);
    expect((await node.send('POST', '/api/v1/auth/logout', { token: revoked.accessToken })).status).toBe(200);
    // Nobody knows a revocation that no node had read when the restore removed it.
    const isRevoked = async () => (await statuses(revoked.accessToken)).every((status) => status === 401);
    await eventually(isRevoked, { what: 'both nodes have read the revocation', timeoutMs: 1000 });
    await restore();
    const isLaterRejected = async () => (await statuses(later.accessToken)).every((status) => status === 401);
    await eventually(isLaterRejected, { what: 'the lost session is rejected', timeoutMs: 1000 });
    expect(await statuses(revoked.accessToken)).toEqual([401, 401]);
    expect(await statuses(kept.accessToken)).toEqual([200, 200]);
    await expectLogoutEverywhere();
    expect(await isWell()).toBe(true);
  });

  it('is read again after the statement of the operating guide, when single rows changed', async () => {
    const { accessToken: token } = await addLoggedInUser(node);
    const { accessToken: other } = await addLoggedInUser(node);
    for (const app of [node, otherNode]) expect((await session(app, token)).status).toBe(200);
    await successor.query(
      'delete from sessions where id = (select id from sessions order by created_at desc offset 1 limit 1)',
    );
    await successor.query(guidedStatement());
    const isRejected = async () => (await session(otherNode, token)).status === 401;
    await eventually(isRejected, { what: 'the deleted session is rejected', timeoutMs: 1000 });
    expect((await session(otherNode, other)).status).toBe(200);
  });
});

const run = promisify(execFile);
const dumpFile = () => join(standby.socketDirectory, 'dump');

async function dump(): Promise<void> {
  await run(join(providePostgresBinaries(), 'pg_dump'), ['--format=custom', '--file', dumpFile(), standby.adminUrl]);
}

/** Replaces the schema in one transaction, as the operating guide does. */
async function restore(): Promise<void> {
  const script = `${dumpFile()}.sql`;
  await run(join(providePostgresBinaries(), 'pg_restore'), ['--file', script, dumpFile()]);
  const empty = ['-c', 'drop schema public cascade', '-c', 'create schema public'];
  const inOneTransaction = ['--single-transaction', '-v', 'ON_ERROR_STOP=1', ...empty, '-f', script];
  await run(join(providePostgresBinaries(), 'psql'), [...inOneTransaction, standby.adminUrl]);
}

/** The statement that the guide prescribes after a restore of single rows. */
function guidedStatement(): string {
  const guide = readFileSync(new URL('../../../../docs/guides/operating.md', import.meta.url), 'utf8');
  return present(/`(update deployment [^`]+)`/.exec(guide)?.[1], 'the statement');
}

// Last, because a server does not recover from a crash without its tablespaces.
describe('a server whose disk is full', () => {
  it('is 503 with Retry-After and red readiness, until there is space', async () => {
    await successor.query(`create tablespace small location '${standby.smallDisk}'`);
    // New files of the database are made there: those of the probe, and the table of the accounts.
    await successor.query(`alter system set temp_tablespaces = 'small'`);
    await successor.query('select pg_reload_conf()');
    await successor.query('alter table users set tablespace small');
    await successor.query('create table filling (page text) tablespace small');
    await successor.query('alter table filling alter column page set storage plain');
    const fill = `insert into filling select repeat('x', 7000) from generate_series(1, 1000)`;
    await expect(successor.query(fill)).rejects.toMatchObject({ code: '53100' });
    await eventually(async () => (await register(node, uniqueEmail())).status === 503, { what: 'the table is full' });
    expectRefused(await register(node, uniqueEmail()));
    await expectRed(/No space left on device.*53100/);
    await successor.query('drop table filling');
    await wellAgain();
    await successor.query('alter system reset temp_tablespaces');
    await successor.query('select pg_reload_conf()');
    await successor.query('alter table users set tablespace pg_default');
  });
});
