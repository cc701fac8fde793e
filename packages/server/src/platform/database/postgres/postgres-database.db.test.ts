import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { startPostgresProxy } from '#test/support/postgres-proxy.ts';
import { eventually } from '#test/support/wait.ts';
import { openPostgres, type PostgresDatabase, type PostgresOptions, type StatementEvent, statement } from '../index.ts';

/** Waits for the lock that `operator` holds; the statements differ in whether they can be sent again. */
const waitToRead = statement('postgres_test.wait_to_read', {
  lane: 'read',
  sql: 'select true as done from pg_advisory_xact_lock_shared(:lock::int8)',
  params: { lock: 'int8' },
  columns: { done: 'bool' },
});
const waitToWrite = statement('postgres_test.wait_to_write', {
  lane: 'write',
  sql: 'insert into notes (text) select :text::text from pg_advisory_xact_lock_shared(1)',
  params: { text: 'text' },
  columns: {},
});
const waitToWriteOnce = statement('postgres_test.wait_to_write_once', {
  lane: 'write',
  sql: `insert into notes (text) select :text::text from pg_advisory_xact_lock_shared(1)
        on conflict (text) do nothing`,
  params: { text: 'text' },
  columns: {},
  idempotent: true,
});
const addNote = statement('postgres_test.add_note', {
  lane: 'write',
  sql: 'insert into notes (text) values (:text)',
  params: { text: 'text' },
  columns: {},
});
const addSlowlyCommitted = statement('postgres_test.add_slowly_committed', {
  lane: 'pool',
  sql: 'insert into slowly_committed (text) values (:text)',
  params: { text: 'text' },
  columns: {},
});
const renumber = statement('postgres_test.renumber', {
  lane: 'pool',
  sql: 'update numbered set times = times + 1 where id = :id',
  params: { id: 'int4' },
  columns: {},
});
const backend = { columns: { pid: 'int4' }, params: {}, sql: 'select pg_backend_pid() as pid' } as const;
const backendOfReads = statement('postgres_test.backend_of_reads', { ...backend, lane: 'read' });
const backendOfPool = statement('postgres_test.backend_of_pool', { ...backend, lane: 'pool' });
const failOnPool = statement('postgres_test.fail_on_pool', {
  lane: 'pool',
  sql: 'select 1 / 0 as value',
  params: {},
  columns: { value: 'int4' },
});
const settings = {
  sql: `select current_setting('synchronous_commit') as commits, current_setting('lock_timeout') as locks,
          current_setting('statement_timeout') as statements`,
  params: {},
  columns: { commits: 'text', locks: 'text', statements: 'text' },
} as const;
const planOf = (['read', 'write', 'counter', 'pool'] as const).map((lane) =>
  statement(`postgres_test.plan_of_${lane}`, {
    lane,
    sql: 'explain (costs off) select id from few where id = :id',
    params: { id: 'int4' },
    columns: { line: 'text' },
  }),
);
const settingsOf = (['read', 'write', 'counter', 'pool'] as const).map((lane) =>
  statement(`postgres_test.settings_of_${lane}`, { ...settings, lane }),
);
const preparedNames = statement('postgres_test.prepared_names', {
  lane: 'read',
  sql: `select name from pg_prepared_statements where :any::text <> ''`,
  params: { any: 'text' },
  columns: { name: 'text' },
});

let url: string;
let operator: Client;
let database: PostgresDatabase;
const events: StatementEvent[] = [];
const connectionErrors: Error[] = [];

function open(options: Partial<PostgresOptions> = {}): Promise<PostgresDatabase> {
  return openPostgres({
    server: serverAt(url),
    applicationName: 'latchkey',
    clock: systemClock,
    onStatement: (event) => events.push(event),
    onConnectionError: (error) => connectionErrors.push(error),
    ...options,
  });
}

beforeAll(async () => {
  url = await createDatabase();
  operator = new Client({ connectionString: url, application_name: 'operator' });
  await operator.connect();
  await operator.query(`
    create table notes (text text not null, constraint notes_pkey primary key (text));
    create table numbered (id int4 not null, times int4 not null);
    insert into numbered values (1, 0), (2, 0);
    create table slowly_committed (text text not null);
    create function wait_for_operator() returns trigger language plpgsql as $$
      begin perform pg_advisory_xact_lock_shared(2); return null; end $$;
    create constraint trigger slowly after insert on slowly_committed deferrable initially deferred
      for each row execute function wait_for_operator();
    do $$ begin execute format('alter database %I set deadlock_timeout = %L', current_database(), '20ms'); end $$`);
  database = await open();
});

afterAll(async () => {
  await database.close();
  await operator.end();
});

async function holdingLock<T>(lock: number, work: () => Promise<T>): Promise<T> {
  await operator.query(`select pg_advisory_lock(${lock})`);
  try {
    return await work();
  } finally {
    await operator.query('select pg_advisory_unlock_all()');
  }
}

const ours = `from pg_stat_activity where datname = current_database() and application_name = 'latchkey'`;

async function count(sql: string): Promise<number> {
  const { rows } = await operator.query<{ count: string }>(sql);
  return Number(rows[0]?.count);
}

function somebodyWaits(): Promise<boolean> {
  return eventually(async () => (await count(`select count(*) ${ours} and wait_event = 'advisory'`)) > 0, {
    what: 'a statement waits for the lock',
  });
}

async function terminateAll(): Promise<void> {
  await operator.query(`select pg_terminate_backend(pid) ${ours}`);
}

describe('lanes on PostgreSQL', () => {
  it('have the timeouts and the durability that their statements need', async () => {
    const found = await Promise.all(settingsOf.map((each) => database.row(each, {})));
    expect(found).toEqual([
      { commits: 'on', locks: '250ms', statements: '1s' },
      { commits: 'on', locks: '250ms', statements: '1s' },
      { commits: 'off', locks: '250ms', statements: '1s' },
      { commits: 'on', locks: '2s', statements: '10s' },
    ]);
  });

  it('plans no statement of a lane by the size of a table, which may grow while the plan is kept', async () => {
    await operator.query(`create table few (id int4 primary key); insert into few values (1), (2), (3); analyze few`);
    const plans = await Promise.all(planOf.map((each) => database.rows(each, { id: 1 })));
    const kinds = plans.map(([first]) => /^(?:Index Only|Index|Seq) Scan/.exec(first?.line ?? '')?.[0]);
    expect(kinds).toEqual(['Index Only Scan', 'Index Only Scan', 'Index Only Scan', 'Seq Scan']);
  });

  it('return reads while writes wait for a lock', async () => {
    await holdingLock(1, async () => {
      const order: string[] = [];
      const writes = ['a', 'b', 'c'].map((text) => database.run(waitToWrite, { text }).then(() => order.push(text)));
      await somebodyWaits();
      for (let read = 0; read < 50; read += 1) await database.row(backendOfReads, {});
      order.push('reads');
      await operator.query('select pg_advisory_unlock_all()');
      await Promise.all(writes);
      expect(order[0]).toBe('reads');
    });
  });

  it('move a write that waits for a lock to the pool, where it succeeds', async () => {
    await holdingLock(1, async () => {
      const since = events.length;
      const write = database.run(waitToWrite, { text: 'moved' });
      await eventually(() => events.slice(since).some(({ outcome }) => outcome === 'error'), { what: 'it gives up' });
      await operator.query('select pg_advisory_unlock_all()');
      expect(await write).toBe(1);
      const lanes = events.slice(since).map(({ lane, outcome }) => `${lane} ${outcome}`);
      expect(lanes).toEqual(['write error', 'pool ok']);
    });
  });

  it('reject as busy when the lock is not granted there either', async () => {
    await holdingLock(1, async () => {
      const refused = database.run(waitToWrite, { text: 'busy' });
      await expect(refused).rejects.toMatchObject({ code: 'busy', retryAfterSeconds: 1 });
    });
    expect(await count(`select count(*) from notes where text = 'busy'`)).toBe(0);
  });

  it('reject as busy when every connection of the pool is lent for too long', async () => {
    const narrow = await open({ poolMax: 1, poolMin: 1, connectTimeoutMs: 300 });
    try {
      const first = await narrow.transaction(async () => {
        await expect(narrow.row(backendOfPool, {})).rejects.toMatchObject({ code: 'busy', retryAfterSeconds: 1 });
        return 'committed';
      });
      expect(first).toBe('committed');
      expect(narrow.poolUse()).toEqual({ open: 1, idle: 1, waiting: 0 });
    } finally {
      await narrow.close();
    }
  });

  it('keep a connection of the pool through SQL errors', async () => {
    const before = await database.row(backendOfPool, {});
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await expect(database.row(failOnPool, {})).rejects.toThrow('division by zero');
    }
    expect(await database.row(backendOfPool, {})).toEqual(before);
  });

  it('run the victim of a deadlock again', async () => {
    const { promise: bothHold, resolve: release } = Promise.withResolvers<void>();
    let holding = 0;
    const inOrder = (first: number, second: number) =>
      database.transaction(async (tx) => {
        await tx.run(renumber, { id: first });
        holding += 1;
        if (holding === 2) release();
        await bothHold;
        await tx.run(renumber, { id: second });
      });
    await Promise.all([inOrder(1, 2), inOrder(2, 1)]);
    const { rows } = await operator.query('select times from numbered');
    expect(rows).toEqual([{ times: 2 }, { times: 2 }]);
  });
});

describe('a lost connection', () => {
  it('sends a read again', async () => {
    const read = await holdingLock(1, async () => {
      const reading = database.row(waitToRead, { lock: 1 });
      await somebodyWaits();
      await terminateAll();
      return [reading];
    });
    expect(await read[0]).toEqual({ done: true });
  });

  it('leaves the outcome of a write unknown, and does not send it again', async () => {
    await holdingLock(1, async () => {
      const since = events.length;
      const write = expect(database.run(waitToWrite, { text: 'lost' })).rejects.toMatchObject({
        code: 'outcome_unknown',
      });
      await somebodyWaits();
      await terminateAll();
      await write;
      expect(events.slice(since)).toHaveLength(1);
    });
  });

  it('sends an idempotent write again that was moved to the pool after a lock timeout', async () => {
    const [write] = await holdingLock(1, async () => {
      const since = events.length;
      const writing = database.run(waitToWriteOnce, { text: 'moved and lost' });
      await eventually(() => events.slice(since).some(({ lane, outcome }) => lane === 'write' && outcome === 'error'), {
        what: 'its lane gives up',
      });
      await somebodyWaits();
      await terminateAll();
      return [writing];
    });
    expect(await write).toBe(1);
  });

  it('sends an idempotent write again', async () => {
    // In later rounds, connections that are being opened are lost too.
    for (let round = 0; round < 20; round += 1) {
      const [write] = await holdingLock(1, async () => {
        const writing = database.run(waitToWriteOnce, { text: `once ${round}` });
        await somebodyWaits();
        await terminateAll();
        return [writing];
      });
      expect(await write).toBe(1);
    }
  });

  it('rolls back a transaction that has not sent its commit', async () => {
    const transaction = database.transaction(async (tx) => {
      await tx.run(addNote, { text: 'uncommitted' });
      await terminateAll();
      await tx.run(addNote, { text: 'never' });
    });
    await expect(transaction).rejects.toMatchObject({ code: 'unavailable' });
    expect(await count(`select count(*) from notes where text = 'uncommitted'`)).toBe(0);
  });

  it('leaves the outcome of a transaction unknown at its commit', async () => {
    await holdingLock(2, async () => {
      const transaction = expect(
        database.transaction((tx) => tx.run(addSlowlyCommitted, { text: 'at the commit' })),
      ).rejects.toMatchObject({ code: 'outcome_unknown' });
      await somebodyWaits();
      await terminateAll();
      await transaction;
    });
  });

  it('is reopened without a statement, and reported', async () => {
    await eventually(async () => (await count(`select count(*) ${ours}`)) >= 5, { what: 'the lanes are back' });
    connectionErrors.length = 0;
    await terminateAll();
    await eventually(async () => (await count(`select count(*) ${ours}`)) >= 5, { what: 'the lanes are back' });
    expect(await database.row(backendOfReads, {})).toBeDefined();
    expect(connectionErrors.length).toBeGreaterThanOrEqual(5);
  });

  it('rejects as unavailable within seconds while the server is down, and recovers', async () => {
    const admin = new Client({ connectionString: Object.assign(new URL(url), { pathname: '/postgres' }).href });
    await admin.connect();
    const name = operator.database;
    const startedMs = systemClock.monotonicMs();
    try {
      await admin.query(`alter database ${name} with allow_connections false`);
      await terminateAll();
      const refusals = [backendOfReads, backendOfPool].map((each) =>
        expect(database.row(each, {})).rejects.toMatchObject({ code: 'unavailable' }),
      );
      await Promise.all(refusals);
      expect(systemClock.monotonicMs() - startedMs).toBeLessThan(5000);
    } finally {
      await admin.query(`alter database ${name} with allow_connections true`);
      await admin.end();
    }
    await eventually(
      () =>
        database.row(backendOfReads, {}).then(
          () => true,
          () => false,
        ),
      { what: 'reads are answered again' },
    );
  });

  it('is detected when the network drops all packets without an error', async () => {
    await using proxy = await startPostgresProxy(url);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const far = await open({ server: serverAt(proxy.url) });
    try {
      proxy.freeze();
      const reading = far.row(waitToRead, { lock: 3 });
      vi.advanceTimersByTime(5000);
      expect(await reading).toEqual({ done: true });
    } finally {
      vi.useRealTimers();
      await far.close();
    }
  });
});

describe('PostgreSQL', () => {
  it('names its statements by their text', async () => {
    expect(await database.rows(preparedNames, { any: 'x' })).toContainEqual({
      name: expect.stringMatching(/^postgres_test\.prepared_names#[0-9a-f]{8}$/),
    });
  });

  it('closes every connection', async () => {
    const other = await open({ applicationName: 'other' });
    await other.close();
    const others = `select count(*) from pg_stat_activity where application_name = 'other'`;
    await eventually(async () => (await count(others)) === 0, { what: 'all connections have ended' });
    await expect(other.row(backendOfReads, {})).rejects.toMatchObject({ code: 'unavailable' });
  });
});
