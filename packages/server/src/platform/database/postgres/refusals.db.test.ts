import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { eventually } from '#test/support/wait.ts';
import { openPostgres, type PostgresDatabase, type PostgresOptions, statement } from '../index.ts';

/** Waits for the lock that \`operator\` holds. */
const waitToWrite = statement('refusals_test.wait_to_write', {
  lane: 'write',
  sql: 'insert into notes (text) select :text::text from pg_advisory_xact_lock_shared(1)',
  params: { text: 'text' },
  columns: {},
});
const addNote = statement('refusals_test.add_note', {
  lane: 'write',
  sql: 'insert into notes (text) values (:text)',
  params: { text: 'text' },
  columns: {},
});
const backend = { columns: { pid: 'int4' }, params: {}, sql: 'select pg_backend_pid() as pid' } as const;
const backendOfReads = statement('refusals_test.backend_of_reads', { ...backend, lane: 'read' });
const backendOfPool = statement('refusals_test.backend_of_pool', { ...backend, lane: 'pool' });
/** Makes the sessions of a lane read-only, as the demotion of a primary does. */
const statementsOfLanes = (['read', 'write', 'counter', 'pool'] as const).flatMap((lane) =>
  Array.from({ length: lane === 'write' ? 8 : 2 }, (_, index) =>
    statement(`postgres_test.demote_${lane}_${index}`, {
      lane,
      sql: `select set_config('default_transaction_read_only', 'on', false) as demoted`,
      params: {},
      columns: { demoted: 'text' },
    }),
  ),
);

const role = 'latchkey_refusals';
let url: string;
let operator: Client;
let database: PostgresDatabase;
const refusals: Error[] = [];

function open(options: Partial<PostgresOptions> = {}): Promise<PostgresDatabase> {
  return openPostgres({
    server: serverAt(url),
    applicationName: 'latchkey',
    clock: systemClock,
    onRefusal: (error) => refusals.push(error),
    ...options,
  });
}

beforeAll(async () => {
  url = await createDatabase();
  operator = new Client({ connectionString: url, application_name: 'operator' });
  await operator.connect();
  await operator.query(`create table notes (text text not null); create role ${role} login`);
  database = await open();
});

afterAll(async () => {
  await database.close();
  await operator.query(`drop role ${role}`);
  await operator.end();
});

async function waitsForLock(): Promise<boolean> {
  const waiting = `select from pg_stat_activity
    where datname = current_database() and application_name = 'latchkey' and wait_event = 'advisory'`;
  return eventually(async () => (await operator.query(waiting)).rowCount === 1, { what: 'a statement waits' });
}

async function endSessions(): Promise<void> {
  await operator.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'latchkey'`);
}

async function setReadOnly(readOnly: 'on' | 'off'): Promise<void> {
  await operator.query(`set transaction_read_only = off; do $$ begin
    execute format('alter database %I set default_transaction_read_only = ${readOnly}', current_database()); end $$`);
}

describe('a server that refuses', () => {
  it('is unavailable while it is read-only, also for reads, names the reason, and recovers by itself', async () => {
    const since = refusals.length;
    await setReadOnly('on');
    try {
      await database.run(addNote, { text: 'before the sessions know' });
      await endSessions();
      for (const each of [backendOfReads, backendOfPool]) {
        await expect(database.row(each, {})).rejects.toMatchObject({
          code: 'unavailable',
          log: expect.stringContaining('PostgreSQL is read-only'),
        });
      }
      await expect(database.transaction((tx) => tx.run(addNote, { text: 'never' }))).rejects.toMatchObject({
        code: 'unavailable',
      });
      expect(await database.findRefusal()).toContain('PostgreSQL is read-only');
    } finally {
      await setReadOnly('off');
    }
    await eventually(() => succeeds(() => database.run(addNote, { text: 'after it' })), {
      what: 'writes are accepted',
    });
    expect(await database.findRefusal()).toBeUndefined();
    expect(refusals.slice(since)).toEqual([]);
  });

  it('loses its connections when a statement finds it read-only, and the statement is sent again on a new one', async () => {
    const narrow = await open({ applicationName: 'demoted' });
    try {
      const demote = statementsOfLanes.map((each) => narrow.row(each, {}));
      expect((await Promise.all(demote)).every((row) => row?.demoted === 'on')).toBe(true);
      const before = await narrow.row(backendOfReads, {});
      expect(await narrow.run(addNote, { text: 'on a new connection' })).toBe(1);
      expect(await narrow.transaction((tx) => tx.run(addNote, { text: 'in a transaction' }))).toBe(1);
      await eventually(async () => (await narrow.row(backendOfReads, {}))?.pid !== before?.pid, {
        what: 'reads use a new connection too',
      });
      expect(refusals.at(-1)?.message).toContain('read-only transaction');
    } finally {
      await narrow.close();
    }
  });

  it('replaces every connection when it is told to, and loses no statement in flight', async () => {
    const before = await database.row(backendOfReads, {});
    await operator.query('select pg_advisory_lock(1)');
    const writing = database.run(waitToWrite, { text: 'in flight' });
    await waitsForLock();
    database.reconnect();
    await operator.query('select pg_advisory_unlock_all()');
    expect(await writing).toBe(1);
    expect((await database.row(backendOfReads, {}))?.pid).not.toBe(before?.pid);
  });

  it('is found by a probe while it has no free connection', async () => {
    const limited = await open({
      server: serverAt(Object.assign(new URL(url), { username: role }).href),
      applicationName: 'limited',
    });
    try {
      expect(await limited.findRefusal()).toBeUndefined();
      await operator.query(`alter role ${role} connection limit 13`);
      const lending = limited.transaction(() =>
        limited.transaction(() => limited.transaction(async () => 'three at once')),
      );
      await expect(lending).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
      expect(await limited.findRefusal()).toMatch(/^too many connections for role .* \(53300\)$/);
      await operator.query(`alter role ${role} connection limit -1`);
      expect(await limited.findRefusal()).toBeUndefined();
    } finally {
      await limited.close();
    }
  });
});

async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'unavailable' });
    return false;
  }
}
