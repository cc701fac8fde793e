import { Client } from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { idMaker } from '#kernel/ids.ts';
import { type Database, migrateUp, openPostgres, statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { type DomainFixture, openDomainFixture } from '#test/support/domain-fixture.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { eventually } from '#test/support/wait.ts';
import { AuditLog, attachPartitions } from './index.ts';

const readRow = statement('audit_partition_test.row', {
  lane: 'pool',
  sql: `select tableoid::regclass::text as partition, encode(body, 'hex') || xid::text as bytes
    from audit_events where id = :id`,
  params: { id: 'uuid' },
  columns: { partition: 'text?', bytes: 'text?' },
});
const readUnprotected = statement('audit_partition_test.unprotected', {
  lane: 'pool',
  sql: `select c.relname::text as name from pg_inherits h join pg_class c on c.oid = h.inhrelid
    where h.inhparent = 'audit_events'::regclass
      and (select count(*) from pg_trigger t where t.tgrelid = c.oid and t.tgenabled = 'O'
        and t.tgname in ('audit_events_append_only', 'audit_events_no_truncate')) <> 2`,
  params: {},
  columns: { name: 'text?' },
});
const countPartitions = statement('audit_partition_test.count', {
  lane: 'pool',
  sql: `select count(*)::integer as number from pg_inherits where inhparent = 'audit_events'::regclass`,
  params: {},
  columns: { number: 'int4?' },
});

/** The first day of a month relative to the month of the database's clock. */
function monthAt(ahead: number, day = 1): Date {
  const now = systemClock.now();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead, day, 12));
}

function partitionOf(month: Date): string {
  return `audit_events_${month.toISOString().slice(0, 7).replace('-', '_')}`;
}

describeOnBothDatabases('the partitions of the audit log', (database, kind) => {
  let fixture: DomainFixture;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  /** Records an event whose id and time are of `at`, and returns its id. */
  async function recordAt(at: Date): Promise<string> {
    const makeId = idMaker({ ...systemClock, now: () => at });
    const audit = new AuditLog({ keys: fixture.keys, makeId });
    const id = makeId();
    await audit.recordOnce(database(), id, { action: 'user.created', at, actor: { kind: 'system' } });
    return id;
  }
  const read = (id: string) => database().row(readRow, { id });

  it('exist for this month and the next three after the migration, and take the events of their month', async () => {
    for (const ahead of [0, 1, 2, 3]) {
      const at = monthAt(ahead, 28);
      expect(await read(await recordAt(at))).toMatchObject({ partition: partitionOf(at) });
    }
  });

  it.each([
    ['a year ahead', 12],
    ['ten years ahead', 120],
    ['ten years behind', -120],
  ])('do not fail an event whose clock is %s: the default partition takes it', async (_, ahead) => {
    expect(await read(await recordAt(monthAt(ahead)))).toMatchObject({ partition: 'audit_events_default' });
  });

  it('are attached for the next three months of a moved clock, once by twenty calls at the same time', async () => {
    const before = (await database().row(countPartitions, {}))?.number ?? 0;
    const calls = await Promise.allSettled(
      Array.from({ length: 20 }, () => attachPartitions(database(), monthAt(3, 15))),
    );
    expect(calls.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
    const again = await attachPartitions(database(), monthAt(3, 15));
    expect(again.map(({ outcome }) => outcome)).toEqual(['present', 'present', 'present', 'present']);
    expect(await database().row(countPartitions, {})).toEqual({ number: before + 3 });
    const at = monthAt(6, 28);
    expect(await read(await recordAt(at))).toMatchObject({ partition: partitionOf(at) });
  });

  it('leave an event that the default partition already has there, and attach the other months', async () => {
    const id = await recordAt(monthAt(8, 10));
    const before = await read(id);
    const outcomes = await attachPartitions(database(), monthAt(7));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['attached', 'in_default', 'attached', 'attached']);
    expect(await read(id)).toEqual(before);
    expect(await read(await recordAt(monthAt(8, 11)))).toMatchObject({ partition: 'audit_events_default' });
    expect(await read(await recordAt(monthAt(9, 11)))).toMatchObject({ partition: partitionOf(monthAt(9)) });
  });

  it('are not attached for months far from the time of the database', async () => {
    const outcomes = await attachPartitions(database(), monthAt(30));
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 4 }, () => 'out_of_range'));
  });

  it('each reject UPDATE, DELETE and TRUNCATE', async () => {
    expect(await database().rows(readUnprotected, {})).toEqual([]);
    const at = monthAt(1, 3);
    const id = await recordAt(at);
    const name = partitionOf(at);
    for (const sql of [`update ${name} set action = 'x'`, `delete from ${name}`, `truncate ${name}`]) {
      const change = statement(`audit_partition_test.${kind}_${sql.split(' ')[0]}`, {
        lane: 'pool',
        sql,
        params: {},
        columns: {},
      });
      await expect(database().run(change, {})).rejects.toThrow('is append-only');
    }
    expect(await read(id)).toBeDefined();
  });
});

describe('a serving role that owns no table', () => {
  it('attaches partitions by month, and cannot pass anything else or change them', async () => {
    const url = await createDatabase();
    const role = `serving_${new URL(url).pathname.slice(-12)}`;
    const owner = new Client({ connectionString: url });
    await owner.connect();
    let database: Database | undefined;
    try {
      await owner.query(`create role ${role} login`);
      await migrateUp(serverAt(url), { grantTo: role });
      const as = new URL(url);
      as.username = role;
      database = await openPostgres({
        server: serverAt(as.href),
        clock: systemClock,
        applicationName: 'latchkey test',
        poolMin: 1,
      });
      const outcomes = await attachPartitions(database, monthAt(2));
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['present', 'present', 'attached', 'attached']);
      await owner.query(`set role ${role}`);
      await expect(owner.query(`select attach_audit_partition('2026-01-02')`)).rejects.toThrow('not the first day');
      await expect(owner.query(`delete from ${partitionOf(monthAt(5))}`)).rejects.toThrow('permission denied');
      await expect(owner.query(`drop table ${partitionOf(monthAt(5))}`)).rejects.toThrow('must be owner');
    } finally {
      await database?.close();
      await owner.query(`reset role; drop owned by ${role}; drop role ${role}`);
      await owner.end();
    }
  });

  it('fails no event that waits for the default partition while the partition of its month is attached', async () => {
    const url = await createDatabase();
    const server = serverAt(url);
    await migrateUp(server);
    const database = await openPostgres({ server, clock: systemClock, applicationName: 'latchkey test', poolMin: 1 });
    const other = new Client({ connectionString: url });
    await other.connect();
    try {
      const fixture = await openDomainFixture(database);
      const at = monthAt(9);
      const audit = new AuditLog({ keys: fixture.keys, makeId: idMaker({ ...systemClock, now: () => at }) });
      await other.query('begin; lock table only audit_events in share update exclusive mode');
      await other.query('lock table audit_events_default in access exclusive mode');
      const event = audit.record(database, { action: 'user.created', at, actor: { kind: 'system' } });
      const isWaiting = async () => {
        const { rows } = await other.query('select from pg_locks where not granted');
        return rows.length > 0;
      };
      await eventually(isWaiting, { what: 'the event waits for the default partition' });
      await other.query('select attach_audit_partition($1::date)', [`${at.toISOString().slice(0, 7)}-01`]);
      await other.query('commit');
      await event;
      const { rows } = await other.query(`select count(*)::integer as number from ${partitionOf(at)}`);
      expect(rows).toEqual([{ number: 1 }]);
    } finally {
      await other.end();
      await database.close();
    }
  });

  it('waits at most 100 ms for a lock, disturbs no event meanwhile, and attaches the month at the next call', async () => {
    const url = await createDatabase();
    await migrateUp(serverAt(url));
    const database = await openPostgres({
      server: serverAt(url),
      clock: systemClock,
      applicationName: 'latchkey test',
      poolMin: 1,
    });
    const other = new Client({ connectionString: url });
    await other.connect();
    try {
      await other.query('begin; lock table only audit_events in share update exclusive mode');
      await other.query('lock table audit_events_default in access exclusive mode');
      const fixture = await openDomainFixture(database);
      const audit = new AuditLog({ keys: fixture.keys, makeId: idMaker(systemClock) });
      await audit.record(database, { action: 'user.created', at: systemClock.now(), actor: { kind: 'system' } });
      await expect(attachPartitions(database, monthAt(2))).rejects.toThrow('was not attached');
      await other.query('rollback');
      const outcomes = await attachPartitions(database, monthAt(2));
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(['present', 'present', 'attached', 'attached']);
    } finally {
      await other.end();
      await database.close();
    }
  });
});
