import { describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { describeOnBothDatabases, effectsOf, onCommitted } from '#test/support/databases.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { type CommittedEffects, type Database, openPostgres, statement } from './index.ts';

const revoke = statement('effects_db_test.revoke', {
  lane: 'write',
  sql: `insert into revocations (kind, target, ended_at, expires_at)
    select 'session', target, :now, :now from unnest(:targets::text[]) as given (target)
    returning target`,
  params: { targets: 'text[]', now: 'timestamptz' },
  columns: { target: 'text' },
  after: { revokes: { kind: 'session', target: 'target' } },
});
const raise = statement('effects_db_test.raise', {
  lane: 'pool',
  sql: `insert into revocations (kind, target, epoch, ended_at, expires_at)
    values ('user', :target, :epoch, :now, :now) returning target, epoch`,
  params: { target: 'text', epoch: 'int4', now: 'timestamptz' },
  columns: { target: 'text', epoch: 'int4' },
  after: { revokes: { kind: 'user', target: 'target', epoch: 'epoch' } },
});
const enqueue = statement('effects_db_test.enqueue', {
  lane: 'pool',
  sql: `insert into jobs (id, kind, payload, run_at, created_at)
    values (gen_random_uuid(), 'effects.test', '{}', :now, :now)`,
  params: { now: 'timestamptz' },
  columns: {},
  after: { wakesWorkers: true },
});
const fail = statement('effects_db_test.fail', {
  lane: 'pool',
  sql: 'select 1 / :by::int4 as value',
  params: { by: 'int4' },
  columns: { value: 'int4' },
});

const now = systemClock.now();

const session = (target: string) => ({ kind: 'session', target, epoch: null });

describeOnBothDatabases('the effects of a commit', (database) => {
  const committedBy = (work: () => Promise<unknown>) => effectsOf(database(), work);

  it('are delivered once after a single statement, by `rows` and by `run`', async () => {
    expect(await committedBy(() => database().rows(revoke, { targets: ['a', 'b'], now }))).toEqual([
      { revoked: [session('a'), session('b')], enqueued: false },
    ]);
    expect(await committedBy(() => database().run(revoke, { targets: ['c'], now }))).toHaveLength(1);
    expect(await committedBy(() => database().run(enqueue, { now }))).toEqual([{ revoked: [], enqueued: true }]);
  });

  it('are delivered before the caller of the statement goes on', async () => {
    const order: string[] = [];
    const stop = onCommitted(database(), () => order.push('delivered'));
    await database().run(revoke, { targets: ['a'], now });
    order.push('caller');
    stop();
    expect(order).toEqual(['delivered', 'caller']);
  });

  it('are empty when a statement changes no row', async () => {
    expect(await committedBy(() => database().rows(revoke, { targets: [], now }))).toEqual([]);
  });

  it('of a transaction are delivered together, after its commit', async () => {
    let insideTransaction: CommittedEffects[] = [];
    const committed = await committedBy(async () => {
      await database().transaction(async (tx) => {
        insideTransaction = await committedBy(async () => {
          await tx.run(revoke, { targets: ['a'], now });
          await tx.run(raise, { target: 'u', epoch: 4, now });
          await tx.run(enqueue, { now });
        });
      });
    });
    expect(insideTransaction).toEqual([]);
    const revoked = [session('a'), { kind: 'user', target: 'u', epoch: 4 }];
    expect(committed).toEqual([{ revoked, enqueued: true }]);
  });

  it('are not delivered after a rollback', async () => {
    const refused = new Error('no');
    const committed = await committedBy(async () => {
      const thrown = database().transaction(async (tx) => {
        await tx.run(revoke, { targets: ['a'], now });
        throw refused;
      });
      await expect(thrown).rejects.toBe(refused);
      const failed = database().transaction(async (tx) => {
        await tx.run(enqueue, { now });
        await tx.row(fail, { by: 0 });
      });
      await expect(failed).rejects.toThrow('division by zero');
      const swallowed = database().transaction(async (tx) => {
        await tx.run(enqueue, { now });
        await tx.row(fail, { by: 0 }).catch(() => undefined);
      });
      await expect(swallowed).rejects.toThrow('rolled back');
    });
    expect(committed).toEqual([]);
  });
});

/** Tables of the same names whose triggers end the connection: at once, or at the commit. */
const tables = `
  create table revocations (kind text not null, target text not null, ended_at timestamptz, expires_at timestamptz);
  create table jobs (id uuid, kind text, payload jsonb, run_at timestamptz, created_at timestamptz);
  create function end_connection() returns trigger language plpgsql as $$
    begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
  create trigger at_once after insert on revocations for each row when (new.target = 'lost at once')
    execute function end_connection();
  create constraint trigger at_commit after insert on revocations deferrable initially deferred
    for each row when (new.target = 'lost at the commit') execute function end_connection();`;
const createTables = statement('effects_db_test.create_tables', {
  lane: 'pool',
  sql: `do $do$ begin ${tables} end $do$`,
  params: {},
  columns: {},
});

async function withPostgres(test: (database: Database, committed: readonly CommittedEffects[]) => Promise<void>) {
  const committed: CommittedEffects[] = [];
  const database = await openPostgres({
    server: serverAt(await createDatabase()),
    applicationName: 'latchkey test',
    clock: systemClock,
    onCommitted: (effects) => committed.push(effects),
  });
  try {
    await database.run(createTables, {});
    await test(database, committed);
  } finally {
    await database.close();
  }
}

describe('the effects of a commit (postgres)', () => {
  it('of a transaction that runs again are those of the committed run', async () => {
    await withPostgres(async (database, committed) => {
      let runs = 0;
      await database.transaction(async (tx) => {
        runs += 1;
        await tx.run(revoke, { targets: [`run ${runs}`], now });
        if (runs === 1) throw Object.assign(new Error('deadlock detected'), { severity: 'ERROR', code: '40P01' });
      });
      expect(committed).toEqual([{ revoked: [session('run 2')], enqueued: false }]);
    });
  });

  it('are not delivered when the outcome is unknown', async () => {
    await withPostgres(async (database, committed) => {
      const single = database.run(revoke, { targets: ['lost at once'], now });
      await expect(single).rejects.toMatchObject({ code: 'outcome_unknown' });
      const transaction = database.transaction(async (tx) => {
        await tx.run(enqueue, { now });
        await tx.run(revoke, { targets: ['lost at the commit'], now });
      });
      await expect(transaction).rejects.toMatchObject({ code: 'outcome_unknown' });
      expect(committed).toEqual([]);
    });
  });
});
