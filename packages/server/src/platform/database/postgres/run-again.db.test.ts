import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { eventually } from '#test/support/wait.ts';
import { openPostgres, type PostgresDatabase, type StatementEvent, statement } from '../index.ts';

const ownOne = statement('postgres_test.own_one', {
  lane: 'write',
  sql: 'insert into owned (owner) select id from owners where id = 1 returning owner',
  params: {},
  columns: { owner: 'int4' },
});
const ownNobody = statement('postgres_test.own_nobody', {
  lane: 'write',
  sql: 'insert into owned (owner) values (9)',
  params: {},
  columns: {},
});
/** Only one test sends it, so no connection has it prepared. */
const addFirst = statement('postgres_test.add_first', {
  lane: 'write',
  sql: 'insert into firsts (number) values (:number)',
  params: { number: 'int4' },
  columns: {},
});
const addOnce = statement('postgres_test.add_once', {
  lane: 'write',
  sql: 'insert into firsts (number) values (:number)',
  params: { number: 'int4' },
  columns: {},
  idempotent: true,
});
const events: StatementEvent[] = [];
let operator: Client;
let eraser: Client;
let database: PostgresDatabase;

beforeAll(async () => {
  const url = await createDatabase();
  [operator, eraser] = [new Client({ connectionString: url }), new Client({ connectionString: url })];
  await Promise.all([operator.connect(), eraser.connect()]);
  await operator.query(`
    create table owners (id int4 not null, constraint owners_pkey primary key (id));
    insert into owners values (1);
    create table firsts (number int4 not null);
    create table owned (owner int4 not null, constraint owned_owner_fkey foreign key (owner) references owners (id));`);
  database = await openPostgres({
    server: serverAt(url),
    applicationName: 'latchkey',
    clock: systemClock,
    onStatement: (event) => events.push(event),
  });
});

afterAll(async () => {
  await Promise.all([database.close(), operator.end(), eraser.end()]);
});

describe('a statement', () => {
  it('runs again when it refers to a row that was deleted after its read, and then finds the row deleted', async () => {
    await eraser.query('begin; delete from owners where id = 1');
    const owning = database.row(ownOne, {});
    const waiting = `select from pg_stat_activity
      where datname = current_database() and application_name = 'latchkey' and wait_event_type = 'Lock'`;
    const waits = async () => (await operator.query(waiting)).rowCount === 1;
    await eventually(waits, { what: 'it waits for the row that is being deleted' });
    await eraser.query('commit');
    expect(await owning).toBe(undefined);
  });

  it('returns to all first callers, although the preparation under the first of them failed', async () => {
    await eraser.query('begin; lock table firsts in access exclusive mode');
    const adding = Promise.allSettled([1, 2, 3, 4, 5, 6].map((number) => database.run(addFirst, { number })));
    const failed = () => events.filter(({ name, outcome }) => name === addFirst.name && outcome === 'error').length;
    await eventually(() => failed() === 6, { what: 'one on each connection has waited too long, the others with it' });
    await eraser.query('commit');
    expect((await adding).map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'fulfilled'));
  });

  it('that is idempotent is not sent forever while its connections are lost', async () => {
    await eraser.query('begin; lock table firsts in access exclusive mode');
    let isGracePeriodOver = false;
    const refused = expect(database.run(addOnce, { number: 7 })).rejects.toMatchObject({ code: 'outcome_unknown' });
    const ending = refused.finally(() => {
      isGracePeriodOver = true;
    });
    const terminate = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'latchkey'`;
    while (!isGracePeriodOver) await operator.query(terminate);
    await ending;
    await eraser.query('commit');
  });

  it('throws a reference to a row that never existed as a bug', async () => {
    await expect(database.run(ownNobody, {})).rejects.toThrow('owned_owner_fkey');
  });
});
