import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Client } from 'pg';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FixedClock, systemClock } from '#kernel/clock.ts';
import { makeDirectory, remove } from '#test/support/embedded-template.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import {
  type Database,
  ForeignSchema,
  type MigrationTarget,
  migrateDown,
  migrateUp,
  migrationPlan,
  migrationStatus,
  openEmbedded,
  openPostgres,
  schemaState,
  statement,
} from '../index.ts';
import { migrationsDirectory } from './files.ts';

let folder: string;
let directory: URL;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-migrations-'));
  directory = pathToFileURL(`${folder}/`);
  await write('0001_pots', 'create table pots (id integer not null)', 'drop table pots');
  await write(
    '0002_lids',
    'create table lids (id integer not null); create index lids_id on lids (id)',
    'drop table lids',
  );
});

afterEach(() => rm(folder, { recursive: true }));

async function write(name: string, up: string, down: string): Promise<void> {
  await writeFile(join(folder, `${name}.up.sql`), `${up};\n`);
  await writeFile(join(folder, `${name}.down.sql`), `${down};\n`);
}

const buildTwo = `create index concurrently if not exists pots_id on pots (id);
  create unique index concurrently if not exists pots_id_unique on pots (id)`;
const dropTwo = `drop index concurrently if exists pots_id_unique; drop index concurrently if exists pots_id`;

const addPots = statement('migrate_test.add_pots', {
  lane: 'pool',
  sql: `insert into pots (id, rim) values (1, 'gold'), (2, 'tin'), (3, null)`,
  params: {},
  columns: {},
});
const addSamePots = statement('migrate_test.add_same_pots', {
  lane: 'pool',
  sql: 'insert into pots (id) values (1), (1)',
  params: {},
  columns: {},
});
const removePots = statement('migrate_test.remove_pots', {
  lane: 'pool',
  sql: 'delete from pots',
  params: {},
  columns: {},
});
const potsIndexes = statement('migrate_test.indexes', {
  lane: 'pool',
  sql: `select indexrelid::regclass::text as name, indisvalid as valid from pg_index
    where indrelid = 'pots'::regclass order by 1`,
  params: {},
  columns: { name: 'text?', valid: 'bool?' },
});

const names = (migrations: readonly { name: string }[]) => migrations.map(({ name }) => name);

async function openFresh(
  kind: Database['kind'],
  dataDirectory: string,
): Promise<{ database: Database; target: MigrationTarget }> {
  if (kind === 'embedded') {
    const database = await openEmbedded({ clock: systemClock, dataDirectory });
    return { database, target: database };
  }
  const url = await createDatabase();
  return {
    database: await openPostgres({
      clock: systemClock,
      server: serverAt(url),
      applicationName: 'migrations',
      poolMin: 1,
    }),
    target: serverAt(url),
  };
}

describe.each(['postgres', 'embedded'] as const)('migrations (%s)', (kind) => {
  let database: Database;
  let target: MigrationTarget;

  beforeAll(async () => {
    const directoryOfData = await makeDirectory();
    ({ database, target } = await openFresh(kind, directoryOfData));
    return async () => {
      await database.close();
      await remove(directoryOfData);
    };
  });
  afterEach(async () => {
    await migrateDown(target, { directory, to: 0, deleteData: true });
  });

  it('find an empty database empty, and plan without changing it', async () => {
    expect(await schemaState(database, { directory })).toBe('empty');
    expect(names(await migrationPlan(target, { directory }))).toEqual(['pots', 'lids']);
    expect(await schemaState(database, { directory })).toBe('empty');
  });

  it('go up, down and up again', async () => {
    expect(names(await migrateUp(target, { directory }))).toEqual(['pots', 'lids']);
    expect(await schemaState(database, { directory })).toBe('current');
    expect(await migrateUp(target, { directory })).toEqual([]);
    expect(names((await migrateDown(target, { directory, to: 0, deleteData: false })).migrations)).toEqual([
      'lids',
      'pots',
    ]);
    expect(await schemaState(database, { directory })).toBe('empty');
    expect(names(await migrateUp(target, { directory }))).toEqual(['pots', 'lids']);
  });

  it('stop at the given number', async () => {
    const clock = new FixedClock(new Date('2026-02-03T04:05:06.789Z'));
    await migrateUp(target, { directory, to: 1, clock });
    expect(await schemaState(database, { directory })).toBe('behind');
    expect(await migrationStatus(target, { directory })).toEqual([
      { number: 1, name: 'pots', appliedAt: clock.now(), known: true },
      { number: 2, name: 'lids', appliedAt: undefined, known: true },
    ]);
    expect(names(await migrationPlan(target, { directory }))).toEqual(['lids']);
  });

  it('reject a migration that was edited after it was applied', async () => {
    await migrateUp(target, { directory, to: 1 });
    await write('0001_pots', 'create table pots (id bigint not null)', 'drop table pots');
    const sentence = 'The migration 0001_pots of this database is not the one of this release.';
    expect(await schemaState(database, { directory })).toBe('foreign');
    await expect(migrateUp(target, { directory })).rejects.toThrow(sentence);
    await expect(migrationPlan(target, { directory })).rejects.toThrow(sentence);
    await expect(migrateDown(target, { directory, to: 0, deleteData: true })).rejects.toThrow(sentence);
    await write('0001_pots', 'create table pots (id integer not null)', 'drop table pots');
  });

  it('leave nothing of a migration that fails half-way', async () => {
    await write('0003_spoons', 'create table spoons (id integer); select 1 / 0', 'drop table spoons');
    await expect(migrateUp(target, { directory })).rejects.toThrow(
      'Migration 0003_spoons failed and changed nothing: division by zero',
    );
    await write('0003_spoons', 'create table spoons (id integer)', 'drop table spoons');
    expect(names(await migrateUp(target, { directory }))).toEqual(['spoons']);
  });

  it('let an older release run on a newer schema, and not undo unknown migrations', async () => {
    await migrateUp(target, { directory });
    const older = await mkdtemp(join(tmpdir(), 'latchkey-migrations-'));
    const olderDirectory = pathToFileURL(`${older}/`);
    await cp(folder, older, { recursive: true, filter: (file) => !file.includes('0002') });
    expect(await schemaState(database, { directory: olderDirectory })).toBe('ahead');
    expect(await migrateUp(target, { directory: olderDirectory })).toEqual([]);
    expect((await migrationStatus(target, { directory: olderDirectory })).map(({ known }) => known)).toEqual([
      true,
      false,
    ]);
    await expect(migrateDown(target, { directory: olderDirectory, to: 0, deleteData: true })).rejects.toThrow(
      'Migration 0002_lids belongs to a later release',
    );
    await rm(older, { recursive: true });
  });

  it('refuse to delete rows and values unless it is allowed, and report them by table', async () => {
    await write('0003_rims', 'alter table pots add column rim text', 'alter table pots drop column rim');
    await migrateUp(target, { directory });
    await database.run(addPots, {});
    await expect(migrateDown(target, { directory, to: 0, deleteData: false })).rejects.toThrow(
      'Reverting would delete data: 3 rows of pots.',
    );
    await expect(migrateDown(target, { directory, to: 2, deleteData: false })).rejects.toThrow(
      'Reverting would delete data: 2 values of pots.rim.',
    );
    expect(await schemaState(database, { directory })).toBe('current');
    const { deleted } = await migrateDown(target, { directory, to: 0, deleteData: true });
    expect(deleted).toEqual([{ table: 'pots', column: undefined, rows: 3 }]);
    expect(await schemaState(database, { directory })).toBe('empty');
  });

  it('refuse to delete rows of a table that stays, and count those alone', async () => {
    await write('0003_gold', 'alter table pots add column rim text', `delete from pots where rim = 'gold'`);
    await migrateUp(target, { directory });
    await database.run(addPots, {});
    await expect(migrateDown(target, { directory, to: 2, deleteData: false })).rejects.toThrow(
      'Reverting would delete data: 1 row of pots.',
    );
    // The trial of the first run deleted nothing.
    const { deleted } = await migrateDown(target, { directory, to: 2, deleteData: true });
    expect(deleted).toEqual([{ table: 'pots', column: undefined, rows: 1 }]);
    await migrateDown(target, { directory, to: 0, deleteData: true });
  });

  it('reject a database with a history of its own, and name the migration', async () => {
    await write('0003_spoons', 'create table spoons (id integer)', 'drop table spoons');
    await migrateUp(target, { directory });
    await rm(join(folder, '0003_spoons.up.sql'));
    await rm(join(folder, '0003_spoons.down.sql'));
    await write('0001_pots', 'create table pots (id integer not null, rim text)', 'drop table pots');
    expect(await schemaState(database, { directory })).toBe('foreign');
    await expect(migrateUp(target, { directory })).rejects.toThrow(ForeignSchema);
    await write('0001_pots', 'create table pots (id integer not null)', 'drop table pots');
    await write('0003_spoons', 'create table spoons (id integer)', 'drop table spoons');
  });

  it('build an index concurrently, and replace the invalid index of an interrupted run', async () => {
    await write('0003_double', `-- expand, concurrently: for reads by id\n${buildTwo}`, `-- concurrently\n${dropTwo}`);
    await migrateUp(target, { directory, to: 2 });
    await database.run(addSamePots, {});
    // Two equal rows fail the second index, and leave it invalid as an interrupted run does.
    await expect(migrateUp(target, { directory })).rejects.toThrow('Migration 0003_double failed and can run again');
    expect(await database.rows(potsIndexes, {})).toEqual([
      { name: 'pots_id', valid: true },
      { name: 'pots_id_unique', valid: false },
    ]);
    expect(await schemaState(database, { directory })).toBe('behind');
    await database.run(removePots, {});
    expect(names(await migrateUp(target, { directory }))).toEqual(['double']);
    expect((await database.rows(potsIndexes, {})).map(({ valid }) => valid)).toEqual([true, true]);
    expect((await migrateDown(target, { directory, to: 2, deleteData: false })).deleted).toEqual([]);
    expect(await database.rows(potsIndexes, {})).toEqual([]);
  });

  it("take the product's schema up, down to nothing, and up", async () => {
    const own = { directory: migrationsDirectory };
    const all = names(await migrateUp(target, own));
    expect(all.length).toBeGreaterThan(0);
    const { migrations, deleted } = await migrateDown(target, { ...own, to: 0, deleteData: false });
    expect(names(migrations)).toEqual(all.toReversed());
    expect(deleted).toEqual([]);
    expect(names(await migrateUp(target, own))).toEqual(all);
    await migrateDown(target, { ...own, to: 0, deleteData: false });
  });
});

describe('migrations on PostgreSQL', () => {
  it('are applied once by four nodes that start together', async () => {
    const url = await createDatabase();
    const applied = await Promise.all([1, 2, 3, 4].map(() => migrateUp(serverAt(url), { directory })));
    expect(applied.map(names).sort((a, b) => a.length - b.length)).toEqual([[], [], [], ['pots', 'lids']]);
  });

  it('build an index concurrently while another node waits for its turn', async () => {
    const url = await createDatabase();
    await write('0003_index', `-- expand, concurrently: for reads by id\n${buildTwo}`, `-- concurrently\n${dropTwo}`);
    const applied = await Promise.all([1, 2, 3].map(() => migrateUp(serverAt(url), { directory })));
    expect(applied.flatMap(names)).toEqual(['pots', 'lids', 'index']);
  });

  it('grant the serving role the use of rows and nothing more', async () => {
    const url = await createDatabase();
    const role = `serving_${new URL(url).pathname.slice(-12)}`;
    const owner = new Client({ connectionString: url });
    await owner.connect();
    try {
      await owner.query(`create role ${role}`);
      await migrateUp(serverAt(url), { grantTo: role });
      await migrateUp(serverAt(url), { grantTo: role });
      const { rows } = await owner.query<{ table: string; rights: string }>({
        text: `select t.tablename as table, string_agg(right_, ' ' order by right_) as rights
                 from pg_tables t cross join unnest(array['DELETE', 'INSERT', 'SELECT', 'TRUNCATE', 'UPDATE']) right_
                where t.schemaname = 'public' and has_table_privilege($1, t.tablename, right_)
                group by t.tablename`,
        values: [role],
      });
      const rights = Object.fromEntries(rows.map((row) => [row.table, row.rights]));
      expect(rights).toMatchObject({
        users: 'DELETE INSERT SELECT UPDATE',
        audit_events: 'INSERT SELECT',
        audit_leaves: 'INSERT SELECT',
        schema_migrations: 'SELECT',
      });
      expect(rows.filter((row) => row.rights === 'DELETE INSERT SELECT UPDATE')).toHaveLength(rows.length - 3);
      await owner.query(`set role ${role}; insert into revocations (kind, target, ended_at, expires_at)
        values ('session', 'x', to_timestamp(0), to_timestamp(1)); reset role`);
    } finally {
      await owner.query(`drop owned by ${role}; drop role ${role}`);
      await owner.end();
    }
  });

  it('wait briefly for a lock, 25 times, and report it', async () => {
    const url = await createDatabase();
    await migrateUp(serverAt(url), { directory, to: 1 });
    await write('0002_lids', 'alter table pots add column lid integer', 'alter table pots drop column lid');
    const reader = new Client({ connectionString: url });
    await reader.connect();
    try {
      await reader.query('begin; lock table pots in access share mode');
      let rests = 0;
      const rest = async () => {
        rests += 1;
      };
      const lockWait = { timeoutMs: 5, rest };
      const migrating = migrateUp(serverAt(url), { directory, lockWait });
      await expect(migrating).rejects.toThrow(
        'Migration 0002_lids failed and changed nothing: canceling statement due to lock timeout',
      );
      expect(rests).toBe(24);
    } finally {
      await reader.end();
    }
    expect(names(await migrateUp(serverAt(url), { directory }))).toEqual(['lids']);
  });
});

describe('migration files', () => {
  it('are rejected when a half, a number or the form is wrong', async () => {
    const url = 'postgres://nobody@127.0.0.1:1/nothing';
    await write('0002_lids', 'create index concurrently if not exists a on b (c)', 'select 1');
    await expect(migrateUp(serverAt(url), { directory })).rejects.toThrow(
      'uses "concurrently", but its first line does not',
    );
    await write('0002_lids', '-- expand, concurrently: a table\ncreate table a (b integer)', 'select 1');
    await expect(migrateUp(serverAt(url), { directory })).rejects.toThrow(
      'runs outside a transaction and has another statement',
    );
    await rm(join(folder, '0002_lids.down.sql'));
    await expect(migrateUp(serverAt(url), { directory })).rejects.toThrow('0002_lids lacks its down file');
    await rm(join(folder, '0002_lids.up.sql'));
    await write('0003_spoons', 'select 1', 'select 1');
    await expect(migrateUp(serverAt(url), { directory })).rejects.toThrow('There is no migration 2');
    await write('0003_forks', 'select 1', 'select 1');
    await expect(migrateUp(serverAt(url), { directory })).rejects.toThrow('There are two migrations 0003');
    await rm(join(folder, '0003_forks.up.sql'));
    await rm(join(folder, '0003_forks.down.sql'));
    await writeFile(join(folder, '4_knives.sql'), 'select 1');
    await expect(migrateUp(serverAt(url), { directory })).rejects.toThrow('4_knives.sql is not named like');
  });
});
