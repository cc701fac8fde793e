/** What a piece of work changed in the database, table by table, in words that are the same each time it is done. */
import type { Look } from './places.ts';

/** All rows of a table, by primary key. */
type Rows = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** The whole database. */
export type Picture = ReadonlyMap<string, Rows>;

/**
 * Failures and uses of limits are counted before the work and outside the effect's transaction, so that no rollback
 * gives a free guess (invariant 2); schedules and migrations belong to no person.
 */
const leftOut = new Set(['attempt_counters', 'rate_limit_counters', 'job_schedules', 'schema_migrations']);

/** For the same reason: how often a mailed code was tried. */
const counter = 'tries';

/** Columns whose text says what kind of row it is. */
const telling = ['action', 'template', 'purpose', 'kind', 'state', 'status', 'outcome', 'transport', 'end_reason'];

/** Takes the picture. */
export async function takePicture(database: Look): Promise<Picture> {
  const tables = await listTables(database);
  const parts = tables.map(
    ({ name, key }) =>
      `select '${name}' as name, concat_ws(' ', ${key.map((column) => `t."${column}"`).join(', ')}) as key,
        to_jsonb(t) as row from "${name}" t`,
  );
  const { rows } = await database.query<{ name: string; key: string; row: Record<string, unknown> }>(
    parts.join(' union all '),
  );
  const picture = new Map(tables.map(({ name }) => [name, new Map<string, Record<string, unknown>>()]));
  for (const { name, key, row } of rows) picture.get(name)?.set(key, row);
  return picture;
}

/** The difference, one line for each row, sorted: `+ audit_events user.registered`, `~ users active: auth_epoch`. */
export function describeChanges(before: Picture, after: Picture): string[] {
  const lines: string[] = [];
  for (const [table, rows] of after) {
    const old = before.get(table) ?? new Map();
    for (const [key, row] of rows) {
      const was = old.get(key);
      const changed = was === undefined ? [] : changedColumns(was, row);
      if (was === undefined) lines.push(`+ ${table} ${labelOf(row)}`);
      else if (changed.length > 0) lines.push(`~ ${table} ${labelOf(row)}: ${changed.join(' ')}`);
    }
    for (const [key, row] of old) if (!rows.has(key)) lines.push(`- ${table} ${labelOf(row)}`);
  }
  return lines.sort();
}

/** Forgets everybody, so that the next picture is small. */
export async function forgetEverybody(database: Look): Promise<void> {
  await database.query(`
    alter table audit_events disable trigger user;
    alter table audit_leaves disable trigger user;
    truncate users, jobs, revocations, attempt_counters, invitations, erased_subjects, audit_events cascade;
    alter table audit_leaves enable trigger user;
    alter table audit_events enable trigger user`);
}

function labelOf(row: Readonly<Record<string, unknown>>): string {
  const words = telling.map((column) => row[column]).filter((value) => typeof value === 'string');
  return words.join(' ');
}

/** That a time moved by a moment says nothing; that it came or went does. */
function changedColumns(was: Readonly<Record<string, unknown>>, is: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(is)
    .filter((column) => column !== counter && JSON.stringify(was[column]) !== JSON.stringify(is[column]))
    .filter((column) => !column.endsWith('_at') || was[column] === null || is[column] === null)
    .sort();
}

async function listTables(database: Look): Promise<{ readonly name: string; readonly key: readonly string[] }[]> {
  const { rows } = await database.query<{ name: string; key: string[] }>(`
    select c.relname::text as name, array_agg(a.attname::text order by a.attnum) as key
    from pg_class c join pg_index i on i.indrelid = c.oid and i.indisprimary
      join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
    group by c.relname order by c.relname`);
  return rows.filter(({ name }) => !leftOut.has(name));
}
