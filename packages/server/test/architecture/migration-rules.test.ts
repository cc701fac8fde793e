import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { labelOf, migrationsDirectory, readMigrations } from '#platform/database/migrations/files.ts';
import { checkMigrationRules, type MigrationRule } from './migration-rules.ts';

const migrations = readMigrations(migrationsDirectory);
/** Each was read: the block creates partitions of a table that is new. */
const reviewed = ['0001_first_schema.up.sql: runs a block of code, which these rules cannot read'];
const label = '0099_planted';
const down = 'drop table pots';

function rulesOf(up: string, reverting = down): MigrationRule[] {
  return checkMigrationRules({ label, up, down: reverting }).map(([rule]) => rule);
}

describe('the migrations of the product', () => {
  it('follow the rules, each of them', () => {
    expect(migrations.length).toBe(readdirSync(migrationsDirectory).filter((file) => file.endsWith('.up.sql')).length);
    const checked = migrations.map((migration) => ({ ...migration, label: labelOf(migration) }));
    expect(checked.flatMap(checkMigrationRules).map(([, sentence]) => sentence)).toEqual(reviewed);
  });
});

describe('the rules for migrations', () => {
  it.each<readonly [MigrationRule, string, string]>([
    ['first_line', 'create table pots (id int)', 'does not begin with "-- expand: …" or "-- contract: …"'],
    [
      'rename',
      '-- expand: a\nalter table users rename column name to title',
      'renames users.name to title, which the previous release does not know; add, copy, and drop later',
    ],
    [
      'rename',
      '-- contract: a\nalter table users rename to people',
      'renames users to people, which the previous release does not know; add, copy, and drop later',
    ],
    [
      'drop',
      '-- expand: a\nalter table users add column a int, drop column name',
      'drops users.name, which the previous release may read; that is a contract',
    ],
    ['drop', '-- expand: a\ndrop table users', 'drops users, which the previous release may use; that is a contract'],
    [
      'drop',
      '-- expand: a\ndrop function attach_audit_partition(date)',
      'drops attach_audit_partition, which the previous release may use; that is a contract',
    ],
    [
      'type',
      '-- contract: a\nalter table users alter column locale type varchar(9)',
      'changes the type of users.locale, which rewrites the table; add a column of the new type',
    ],
    ['type', `-- expand: a\nalter type mood add value 'x'`, 'changes a type or domain; states are text with a check'],
    ['type', '-- expand: a\nalter domain mood set not null', 'changes a type or domain; states are text with a check'],
    [
      'not_null',
      '-- expand: a\nalter table users add column a int not null',
      'adds users.a not null without default, so the previous release cannot insert rows',
    ],
    [
      'not_null',
      '-- expand: a\nalter table users alter column deletes_at set not null',
      'makes users.deletes_at not null, which the previous release may leave null; that is a contract',
    ],
    [
      'rewrite',
      '-- expand: a\nalter table users add column a uuid default gen_random_uuid()',
      'adds users.a with a value of its own for each row, which rewrites the table while it is locked',
    ],
    [
      'rewrite',
      '-- expand: a\nalter table users add column a bigserial',
      'adds users.a with a value of its own for each row, which rewrites the table while it is locked',
    ],
    [
      'rewrite',
      '-- expand: a\nalter table users add column a int generated always as (auth_epoch + 1) stored',
      'adds users.a with a value of its own for each row, which rewrites the table while it is locked',
    ],
    ['rewrite', '-- expand: a\nalter table users set unlogged', 'rewrites users while it is locked'],
    [
      'index',
      '-- expand: a\ncreate index users_name on users (name)',
      'builds users_name while users is locked; build it concurrently, in a migration of its own',
    ],
    [
      'index',
      '-- expand: a\nalter table users add column a int unique',
      'adds users.a with an index that is built while the table is locked',
    ],
    [
      'index',
      '-- contract: a\nalter table users add constraint a unique (name)',
      'adds users.a with an index that is built while the table is locked; build it concurrently, then add it "using index"',
    ],
    [
      'index',
      '-- expand: a\ndrop index users_created_at',
      'drops users_created_at while its table is locked; drop it concurrently, in a migration of its own',
    ],
    [
      'validation',
      '-- contract: a\nalter table users add constraint a check (length(name) < 9)',
      'adds users.a, which is validated while the table is locked; add it "not valid"',
    ],
    [
      'validation',
      '-- expand: a\nalter table users add column a uuid references users (id)',
      'adds users.a with a constraint that is validated while the table is locked; add it "not valid"',
    ],
    [
      'validation',
      '-- contract: a\nalter table users drop column name; alter table users validate constraint a',
      'validates users.a while other statements hold locks; make it a migration of its own',
    ],
    [
      'narrowing',
      '-- expand: a\nalter table users add constraint a check (length(name) < 9) not valid',
      'adds users.a to what the previous release writes; that is a contract',
    ],
    [
      'rows',
      `-- expand: a\nupdate users set locale = 'en'`,
      'changes rows of users, which grows by use; let a job change them in batches',
    ],
    [
      'rows',
      '-- expand: a\ndelete from sessions where ended_at is null',
      'changes rows of sessions, which grows by use; let a job change them in batches',
    ],
    ['lock', '-- expand: a\nlock table users', 'locks whole tables until the end of the transaction'],
    ['lock', '-- contract: a\ntruncate sessions', 'locks whole tables until the end of the transaction'],
    [
      'lock_timeout',
      `-- expand: a\nset local lock_timeout = '1min'`,
      'sets lock_timeout; the runner sets the lock timeout of every migration',
    ],
    ['transaction', '-- expand: a\ncommit', 'begins or ends a transaction, which belongs to the runner'],
    ['opaque', '-- expand: a\ndo $$ begin end $$', 'runs a block of code, which these rules cannot read'],
  ])('name %s: %s', (rule, up, sentence) => {
    expect(checkMigrationRules({ label, up, down })).toEqual([[rule, `${label}.up.sql: ${sentence}`]]);
  });

  it('name a breach in the file that reverts', () => {
    const up = '-- expand: a table\ncreate table pots (id int)';
    expect(checkMigrationRules({ label, up, down: '-- nothing' })).toEqual([
      ['down', '0099_planted.down.sql: reverts nothing'],
    ]);
    const rebuilt = 'alter table users add constraint a foreign key (subject) references users (id)';
    expect(checkMigrationRules({ label, up, down: rebuilt })).toEqual([
      [
        'validation',
        `0099_planted.down.sql: adds users.a, which is validated while the table is locked; add it "not valid"`,
      ],
    ]);
    expect(rulesOf(up, 'create index users_name on users (name)')).toEqual(['index']);
    expect(rulesOf(up, 'delete from sessions')).toEqual(['rows']);
  });

  it.each([
    [
      'a new table with indexes and rows',
      'create table pots (id int unique); create index a on pots (id); insert into pots values (1)',
    ],
    ['a nullable column', 'alter table users add column a text'],
    ['a column with a default for all rows', 'alter table users add column a timestamptz not null default now()'],
    [
      'a check of a new column',
      'alter table users add column a int; alter table users add constraint b check (a > 0) not valid',
    ],
    [
      'a wider check',
      `alter table users drop constraint c; alter table users add constraint c check (status <> '') not valid`,
    ],
    ['rows of a small table', `update invitations set role = 'owner'`],
  ])('allow %s in an expand', (_, sql) => {
    expect(rulesOf(`-- expand: a reason\n${sql}`)).toEqual([]);
  });

  it.each([
    ['an index, concurrently', '-- expand, concurrently: a\ncreate index concurrently if not exists a on users (name)'],
    ['a dropped column in a contract', '-- contract: a\nalter table users drop column name'],
    [
      'a constraint in a contract',
      '-- contract: a\nalter table users add constraint a check (name is not null) not valid',
    ],
    ['its validation by itself', '-- contract: a\nalter table users validate constraint a'],
  ])('allow %s', (_, up) => {
    expect(rulesOf(up)).toEqual([]);
  });
});
