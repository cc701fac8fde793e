/** Which command creates a data directory, a database, a schema or a key, in each mode. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '#config/index.ts';
import { createDatabase } from '#test/support/postgres.ts';
import { wire } from '../wiring.ts';
import { runCommand } from './run-command.ts';
import { silentWatchers } from './silent.ts';

type Env = Readonly<Record<string, string>>;

const productionSettings = {
  NODE_ENV: 'production',
  SMTP_URL: 'smtp://127.0.0.1:1',
  LATCHKEY_KEK: randomBytes(32).toString('base64'),
  LATCHKEY_PUBLIC_URL: 'https://auth.example.com',
  LATCHKEY_MAIL_FROM: 'post@example.com',
};

const cheapHash = { LATCHKEY_ARGON2_MEMORY_KIB: '8', LATCHKEY_ARGON2_TIME: '1' };

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-creation-'));
});
afterEach(() => rmSync(root, { recursive: true }));

async function configOf(env: Env) {
  const loaded = await loadConfig({
    env: { LATCHKEY_DATA_DIR: join(root, 'data'), ...(env.NODE_ENV === 'production' ? {} : cheapHash), ...env },
    files: () => ({ kind: 'absent' }),
    cwd: root,
  });
  if (loaded.kind === 'invalid') throw new Error(loaded.mistakes.join('\n'));
  return loaded.config;
}

async function run(argv: string, env: Env): Promise<{ readonly code: number; readonly text: string }> {
  let text = '';
  const write = (part: string) => {
    text += part;
  };
  const io = { out: write, err: write } as Parameters<typeof runCommand>[0]['io'];
  const code = await runCommand({ argv: argv.split(' '), io, loadConfig: () => configOf(env) });
  return { code, text };
}

async function serve(env: Env): Promise<void> {
  const services = await wire(await configOf(env), { logger: silentWatchers().logger });
  await services.close();
}

async function tablesOf(url: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(`select from pg_tables where schemaname = 'public'`);
    return rows.length;
  } finally {
    await client.end();
  }
}

const commands = [
  'user list',
  'user show a@b.example',
  'keys list',
  'invite list',
  'migrate status',
  'migrate down --to 0',
];

describe('without a database', () => {
  it.each(commands)('"%s" says what to run and creates nothing', async (command) => {
    const { code, text } = await run(command, {});
    expect({ code, text }).toMatchObject({ code: 78, text: expect.stringContaining('There is no database in') });
    expect(text).toContain('Run "latchkey serve" or "latchkey migrate up" to create it');
    expect(readdirSync(root)).toEqual([]);
  });

  it('the start in production says what to run and creates nothing, also with LATCHKEY_DATABASE=embedded', async () => {
    const starting = serve({ ...productionSettings, LATCHKEY_DATABASE: 'embedded' });
    await expect(starting).rejects.toThrow('Run "latchkey migrate up" to create it');
    expect(readdirSync(root)).toEqual([]);
  });

  it('"migrate up" creates the database and its key, and other commands then work', async () => {
    expect(await run('migrate up', {})).toMatchObject({ code: 0 });
    expect(existsSync(join(root, 'data', 'kek'))).toBe(true);
    expect(await run('user list', {})).toMatchObject({ code: 0 });
  });
});

it('"migrate down" lists what it would delete, and needs --delete-data for that', async () => {
  const settings = { DATABASE_URL: await createDatabase() };
  await serve(settings);
  const refused = await run('migrate down --to 0', settings);
  expect(refused).toMatchObject({
    code: 1,
    text: expect.stringMatching(/would delete data: .*\d+ rows? of data_keys/),
  });
  expect(await run('user list', settings)).toMatchObject({ code: 0 });
  const deleted = await run('migrate down --to 0 --delete-data', settings);
  expect(deleted).toMatchObject({ code: 0, text: expect.stringMatching(/Deleted \d+ rows of data_keys\./) });
  expect(await run('user list', settings)).toMatchObject({ code: 78 });
});

describe('on an empty PostgreSQL database', () => {
  it('the start in production, the worker and every command say what to run, and create nothing', async () => {
    const url = await createDatabase();
    const production = { ...productionSettings, DATABASE_URL: url };
    const sentence = `The database "${new URL(url).pathname.slice(1)}" has no Latchkey schema. Run "latchkey migrate up"`;
    await expect(serve(production)).rejects.toThrow(sentence);
    for (const env of [production, { DATABASE_URL: url }]) {
      expect(await run('user list', env)).toMatchObject({ code: 78, text: expect.stringContaining(sentence) });
    }
    expect(await tablesOf(url)).toBe(0);
    expect(readdirSync(root)).toEqual([]);
  });

  it('the start in development and "migrate up" create the schema; a command elsewhere creates no key', async () => {
    const url = await createDatabase();
    await serve({ DATABASE_URL: url });
    expect(await run('user list', { DATABASE_URL: url })).toMatchObject({ code: 0 });
    const elsewhere = { DATABASE_URL: url, LATCHKEY_DATA_DIR: join(root, 'elsewhere') };
    for (const start of [run('user list', elsewhere), run('migrate up', elsewhere)]) {
      expect(await start).toMatchObject({ code: 78, text: expect.stringContaining('kek does not exist. Restore it') });
    }
    await expect(serve(elsewhere)).rejects.toThrow('kek does not exist. Restore it');
    expect(existsSync(join(root, 'elsewhere'))).toBe(false);
  });

  it('with the history of something else each command refuses in a sentence', async () => {
    const url = await createDatabase();
    const production = { ...productionSettings, DATABASE_URL: url };
    expect(await run('migrate up', production)).toMatchObject({ code: 0 });
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`update schema_migrations set checksum = 'other'`);
    await client.end();
    for (const command of ['user list', 'migrate up', 'migrate plan', 'migrate down --to 0']) {
      const sentence = 'The migration 0001_first_schema of this database is not the one of this release';
      expect(await run(command, production)).toMatchObject({ code: 78, text: expect.stringContaining(sentence) });
    }
    await expect(serve(production)).rejects.toThrow('is not the one of this release');
  });
});
