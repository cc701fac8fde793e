import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** The connection details that the main process provides to the test workers. */
export type SharedPostgres = {
  /** Connection string of a role that may create databases. */
  readonly adminUrl: string;
  /** The migrated database that `copyTemplate` copies. */
  readonly template: string;
  /** Prefix of the name of every database of this run. */
  readonly prefix: string;
};

/** Migrates the database at `url` and closes its connections, because a template in use cannot be copied. */
export type Migrate = (url: string) => Promise<void>;

/** Creates and migrates the template. */
export async function createTemplate(adminUrl: string, migrate: Migrate): Promise<SharedPostgres> {
  const prefix = `latchkey_test_${randomBytes(4).toString('hex')}_`;
  const shared = { adminUrl, prefix, template: `${prefix}template` };
  await administer(adminUrl, `create database ${shared.template}`);
  await migrate(databaseUrl(adminUrl, shared.template));
  return shared;
}

/**
 * Returns the connection string of a new migrated database; takes about 35 ms.
 * wal_log copies a small template in half the time of file_copy, which forces a checkpoint.
 */
export async function copyTemplate(shared: SharedPostgres): Promise<string> {
  const name = uniqueName(shared);
  await administer(shared.adminUrl, `create database ${name} template ${shared.template} strategy wal_log`);
  return databaseUrl(shared.adminUrl, name);
}

/** Returns the connection string of a new database without tables. */
export async function createEmpty(shared: SharedPostgres): Promise<string> {
  const name = uniqueName(shared);
  await administer(shared.adminUrl, `create database ${name}`);
  return databaseUrl(shared.adminUrl, name);
}

/** Drops every database of this run, for a server that outlives it. */
export async function dropAll(shared: SharedPostgres): Promise<void> {
  const list = `select datname from pg_database where starts_with(datname, '${shared.prefix}')`;
  for (const name of await administer(shared.adminUrl, list)) {
    await administer(shared.adminUrl, `drop database if exists ${name} with (force)`);
  }
}

function uniqueName(shared: SharedPostgres): string {
  return shared.prefix + randomBytes(8).toString('hex');
}

function databaseUrl(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs one statement as the administrator and returns the first column. */
async function administer(adminUrl: string, sql: string): Promise<string[]> {
  const client = new Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const result = await client.query<string[]>({ text: sql, rowMode: 'array' });
    return result.rows.map(([first = '']) => first);
  } finally {
    await client.end();
  }
}
