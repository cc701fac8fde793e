/**
 * Makes a database with many users out of one with few: every row that belongs to a user is copied for each further user.
 * Ids, hashes and emails of the copies are new and unique; encrypted values are copied and cannot be opened, so that only the
 * first users can log in. Rows are in random order and ids spread over 300 days, so that the first users are among the others.
 */
import { connectDirectly } from '../../packages/server/test/support/direct-connection.ts';

type Client = Awaited<ReturnType<typeof connectDirectly>>;

/** The tables with rows of users, each with its text columns that must be unique. */
const tables: Readonly<Record<string, readonly string[]>> = {
  users: ['subject'],
  user_keys: [],
  identifiers: ['canonical', 'as_typed'],
  passwords: [],
  devices: [],
  sessions: [],
  refresh_families: [],
  refresh_tokens: [],
  one_time_tokens: [],
  mail_ledger: ['message_id'],
  mail_attempts: [],
  audit_events: [],
};

interface Column {
  readonly name: string;
  readonly type: string;
  readonly isUnique: boolean;
}

/**
 * Copies until there are `times` as many users.
 *
 * @param onTable called with each table when its rows are written.
 */
export async function multiplyUsers(
  databaseUrl: string,
  times: number,
  onTable: (table: string, rows: number, seconds: number) => void,
): Promise<void> {
  const client = await connectDirectly(databaseUrl);
  try {
    // Neither triggers nor foreign keys: the copies keep what the originals hold.
    await client.query(`set session_replication_role = replica; set synchronous_commit = off; set work_mem = '256MB'`);
    await client.query(copyIdFunction(times));
    for (const [table, uniqueTexts] of Object.entries(tables)) {
      const startMs = performance.now();
      const rows = await multiplyTable(client, table, uniqueTexts, times);
      onTable(table, rows, (performance.now() - startMs) / 1000);
    }
    await client.query('drop function copy_id(uuid, integer)');
    await client.query('vacuum (analyze)');
  } finally {
    await client.end();
  }
}

/** A UUIDv7 whose time is up to 150 days earlier or later than the original's. */
function copyIdFunction(times: number): string {
  const days = 300;
  const stepMs = Math.floor((days * 86_400_000) / times);
  return `create function copy_id(id uuid, copy integer) returns uuid language sql immutable parallel safe as $$
    select case when copy = 0 or id is null then id else (
      lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint + (copy - ${Math.floor(times / 2)})::bigint * ${stepMs}), 12, '0')
      || '7' || substr(md5(id::text || copy), 1, 3) || '8' || substr(md5(id::text || copy), 4, 15))::uuid end $$`;
}

async function multiplyTable(
  client: Client,
  table: string,
  uniqueTexts: readonly string[],
  times: number,
): Promise<number> {
  const columns = await columnsOf(client, table);
  const names = columns.map(({ name }) => name).join(', ');
  const values = columns.map((column) => expressionOf(column, uniqueTexts)).join(', ');
  await client.query(`create temporary table original as select ${names} from ${table}`);
  // All rows are written anew: else the first users would be beside each other on a few pages.
  await client.query(`delete from ${table}`);
  const { rowCount } = await client.query(
    `insert into ${table} (${names}) select ${values} from original, generate_series(0, ${times - 1}) as copies (copy)
      order by md5(original::text || copy)`,
  );
  await client.query('drop table original');
  return rowCount ?? 0;
}

async function columnsOf(client: Client, table: string): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `select a.attname::text as name, format_type(a.atttypid, null) as type,
      exists (select from pg_index i where i.indrelid = a.attrelid and i.indisunique and a.attnum = any (i.indkey)) as "isUnique"
    from pg_attribute a
    where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum`,
    [table],
  );
  return rows;
}

function expressionOf({ name, type, isUnique }: Column, uniqueTexts: readonly string[]): string {
  // Data keys are shared by all users.
  if (type === 'uuid' && !name.endsWith('key_id')) return `copy_id(${name}, copy)`;
  if (type === 'bytea' && isUnique) return `case copy when 0 then ${name} else sha256(${name} || int4send(copy)) end`;
  if (uniqueTexts.includes(name)) return `case copy when 0 then ${name} else 'copy-' || copy || '-' || ${name} end`;
  return name;
}
