/** The changes of rows between two snapshots, in a form that is equal for equal effects. */
import type { DirectQueries } from './faulty-application.ts';

/** All rows of a table by primary key. */
type Rows = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** All tables. */
export type Snapshot = ReadonlyMap<string, Rows>;

/**
 * Counters change before the effect and outside its transaction, so that no rollback refunds an attempt (invariant 2);
 * schedules and migrations belong to no user.
 */
const ignoredTables = new Set(['attempt_counters', 'rate_limit_counters', 'job_schedules', 'schema_migrations']);

/** The attempts of a mailed code, for the same reason. */
const ignoredColumn = 'tries';

/** The columns that identify the kind of a row. */
const labelColumns = ['action', 'template', 'purpose', 'kind', 'state', 'status', 'outcome', 'transport', 'end_reason'];

export async function takeSnapshot(database: DirectQueries): Promise<Snapshot> {
  const known = tablesOf.get(database);
  const tables = known ?? (await listTables(database));
  if (known === undefined) tablesOf.set(database, tables);
  const parts = tables.map(
    ({ name, key }) =>
      `select '${name}' as name, concat_ws(' ', ${key.map((column) => `t."${column}"`).join(', ')}) as key,
        to_jsonb(t) as row from "${name}" t`,
  );
  type Row = { name: string; key: string; row: Record<string, unknown> };
  const { rows } = await database.query<Row>({ name: 'snapshot', text: parts.join(' union all ') });
  const snapshot = new Map(tables.map(({ name }) => [name, new Map<string, Record<string, unknown>>()]));
  for (const { name, key, row } of rows) snapshot.get(name)?.set(key, row);
  return snapshot;
}

/** The difference, one line per row, sorted: `+ audit_events user.registered`, `~ users active: auth_epoch`. */
export function describeChanges(before: Snapshot, after: Snapshot): string[] {
  const lines: string[] = [];
  for (const [table, rows] of after) {
    const oldRows = before.get(table) ?? new Map();
    for (const [key, row] of rows) {
      const before = oldRows.get(key);
      const changed = before === undefined ? [] : changedColumns(before, row);
      if (before === undefined) lines.push(`+ ${table} ${labelOf(row)}`);
      else if (changed.length > 0) lines.push(`~ ${table} ${labelOf(row)}: ${changed.join(' ')}`);
    }
    for (const [key, row] of oldRows) if (!rows.has(key)) lines.push(`- ${table} ${labelOf(row)}`);
  }
  return lines.sort();
}

/** Deletes all users, which keeps the next snapshot small. */
export async function deleteAllUsers(database: DirectQueries): Promise<void> {
  await database.query(`
    set session_replication_role = replica;
    truncate users, jobs, revocations, attempt_counters, invitations, erased_subjects, audit_events cascade;
    set session_replication_role = origin`);
}

function labelOf(row: Readonly<Record<string, unknown>>): string {
  const words = labelColumns.map((column) => row[column]).filter((value) => typeof value === 'string');
  return words.join(' ');
}

/** A timestamp counts as changed only when it becomes or was null. */
function changedColumns(before: Readonly<Record<string, unknown>>, is: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(is)
    .filter((column) => column !== ignoredColumn && JSON.stringify(before[column]) !== JSON.stringify(is[column]))
    .filter((column) => !column.endsWith('_at') || before[column] === null || is[column] === null)
    .sort();
}

interface Table {
  readonly name: string;
  readonly key: readonly string[];
}

/** Of the databases that a snapshot was taken of. */
const tablesOf = new WeakMap<DirectQueries, readonly Table[]>();

async function listTables(database: DirectQueries): Promise<readonly Table[]> {
  const { rows } = await database.query<{ name: string; key: string[] }>(`
    select c.relname::text as name, array_agg(a.attname::text order by a.attnum) as key
    from pg_class c join pg_index i on i.indrelid = c.oid and i.indisprimary
      join pg_attribute a on a.attrelid = c.oid and a.attnum = any (i.indkey)
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
    group by c.relname order by c.relname`);
  return rows.filter(({ name }) => !ignoredTables.has(name));
}
