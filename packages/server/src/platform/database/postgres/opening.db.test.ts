import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel/clock.ts';
import { serverAt } from '#test/support/parsed.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { startPostgresProxy, withOtherProcessId } from '#test/support/postgres-proxy.ts';
import { migrateUp, openPostgres, type PostgresDatabase, type PostgresOptions, statement } from '../index.ts';

const settingsOfWrites = statement('opening_test.settings_of_writes', {
  lane: 'write',
  sql: `select current_setting('lock_timeout') as locks, current_setting('statement_timeout') as statements`,
  params: {},
  columns: { locks: 'text', statements: 'text' },
});
const preparedNames = statement('opening_test.prepared_names', {
  lane: 'read',
  sql: `select name from pg_prepared_statements where :any::text <> ''`,
  params: { any: 'text' },
  columns: { name: 'text' },
});
const sensitive = statement('opening_test.sensitive', {
  lane: 'read',
  sql: `select :at::timestamptz as at, '\\x00ff'::bytea::text as bytes, '1 day 02:00'::interval::text as span,
          '\\\\' as backslash, current_setting('transaction_isolation') as isolation, md5('a') as hashed,
          '2026-02-03 04:05:06'::timestamptz::text as local`,
  params: { at: 'timestamptz' },
  columns: {
    at: 'timestamptz',
    bytes: 'text',
    span: 'text',
    backslash: 'text',
    isolation: 'text',
    hashed: 'text',
    local: 'text',
  },
});

let url: string;
let operator: Client;

function open(options: Partial<PostgresOptions> = {}): Promise<PostgresDatabase> {
  return openPostgres({ server: serverAt(url), applicationName: 'latchkey', clock: systemClock, ...options });
}

beforeAll(async () => {
  url = await createDatabase();
  operator = new Client({ connectionString: url });
  await operator.connect();
});

afterAll(() => operator.end());

describe('opening PostgreSQL', () => {
  it('reports in a sentence why it cannot connect', async () => {
    const nowhere = open({ server: serverAt('postgres://latchkey@127.0.0.1:1/latchkey') });
    await expect(nowhere).rejects.toThrow(/^Cannot connect to PostgreSQL: .*ECONNREFUSED/);
  });

  it('rejects an undeclared pooler, which could return rows of other clients', async () => {
    await using proxy = await startPostgresProxy(url, withOtherProcessId);
    await expect(open({ server: serverAt(proxy.url) })).rejects.toThrow(
      /^There is a connection pooler between .*DATABASE_POOLER/,
    );
    await expect(migrateUp(serverAt(proxy.url))).rejects.toThrow(/^There is a connection pooler/);
    const pooled = await open({ server: serverAt(proxy.url), pooler: 'transaction' });
    await pooled.close();
  });

  it('rejects a server that is too old', async () => {
    const version = `${(await operator.query('show server_version_num')).rows[0].server_version_num}`;
    await using proxy = await startPostgresProxy(url, (data) =>
      Buffer.from(data.toString('latin1').replace(version, '140019'), 'latin1'),
    );
    await expect(open({ server: serverAt(proxy.url) })).rejects.toThrow(
      /^PostgreSQL 15 or newer is needed, and this server is/,
    );
  });

  it('sends unnamed statements through a transaction pooler, and changes no setting', async () => {
    const pooled = await open({ pooler: 'transaction' });
    try {
      expect(await pooled.rows(preparedNames, { any: 'x' })).toEqual([]);
      expect(await pooled.row(settingsOfWrites, {})).toMatchObject({ locks: '0', statements: '0' });
    } finally {
      await pooled.close();
    }
  });

  it('rejects a database of another encoding, in which most names cannot be stored', async () => {
    const name = `${operator.database}_latin1`;
    await operator.query(`create database ${name} encoding 'LATIN1' locale 'C' template template0`);
    const latin1 = Object.assign(new URL(url), { pathname: `/${name}` }).href;
    await expect(open({ server: serverAt(latin1) })).rejects.toThrow(
      /^The database has the encoding LATIN1, and UTF8 is needed/,
    );
    await operator.query(`drop database ${name}`);
  });

  it('returns the same results whatever the role and the database set', async () => {
    const name = 'latchkey_with_settings';
    await operator.query(`
      create role ${name} login superuser;
      create schema shadow;
      create function shadow.pg_backend_pid() returns int4 language sql as 'select -1';
      create function shadow.md5(text) returns text language sql as $$ select 'shadow' $$;
      alter role ${name} set datestyle = 'German';
      alter role ${name} set intervalstyle = 'sql_standard';
      alter role ${name} set timezone = 'Asia/Kathmandu';
      alter role ${name} set bytea_output = 'escape';
      alter role ${name} set standard_conforming_strings = off;
      alter role ${name} set default_transaction_isolation = 'serializable';
      alter role ${name} set search_path = public, shadow, pg_catalog`);
    const plain = await open();
    const odd = await open({ server: serverAt(Object.assign(new URL(url), { username: name }).href) });
    try {
      const values = { at: new Date('2026-02-03T04:05:06.789Z') };
      const [expected, found] = await Promise.all([plain.row(sensitive, values), odd.row(sensitive, values)]);
      expect(found).toEqual(expected);
      expect(found).toMatchObject({ ...values, backslash: '\\\\', hashed: expect.not.stringContaining('shadow') });
    } finally {
      await Promise.all([plain.close(), odd.close()]);
      await operator.query(`drop schema shadow cascade; drop role ${name}`);
    }
  });

  it.each([
    ['datestyle', `'German'`, /^Through the pooler, DateStyle is "German, DMY", and ISO is needed/],
    ['standard_conforming_strings', 'off', /^Through the pooler, standard_conforming_strings is off/],
  ])('rejects a session of a pooler whose %s is %s, in a sentence', async (setting, value, sentence) => {
    const change = (what: string) =>
      operator.query(`do $$ begin execute format('alter database %I ${what}', current_database()); end $$`);
    await change(`set ${setting} = ${value.replaceAll("'", "''")}`);
    try {
      await expect(open({ pooler: 'transaction' })).rejects.toThrow(sentence);
    } finally {
      await change(`reset ${setting}`);
    }
  });
});
