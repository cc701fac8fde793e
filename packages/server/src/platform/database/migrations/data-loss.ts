/** The rows that reverting migrations would delete: found by reverting them in a transaction that is rolled back. */
import { type ClientBase, escapeIdentifier } from 'pg';
import { inTransaction } from './connection.ts';
import { concurrentSteps, labelOf, type Migration } from './files.ts';
import { type LockWait, retried } from './steps.ts';

/** A loss in one table: rows, or the values of a column. */
export interface DataLoss {
  readonly table: string;
  /** Undefined when whole rows would be deleted. */
  readonly column: string | undefined;
  readonly rows: number;
}

/** Reverting would delete data, and the caller did not allow it. */
export class WouldDeleteData extends Error {
  override name = 'WouldDeleteData';
  readonly losses: readonly DataLoss[];

  constructor(losses: readonly DataLoss[]) {
    super(`Reverting would delete data: ${losses.map(describeLoss).join(', ')}.`);
    this.losses = losses;
  }
}

/** `3 rows of users` or `3 values of users.deletes_at`. */
export function describeLoss({ table, column, rows }: DataLoss): string {
  const [what, where] = column === undefined ? ['row', table] : ['value', `${table}.${column}`];
  return `${rows} ${what}${rows === 1 ? '' : 's'} of ${where}`;
}

type Columns = ReadonlyMap<string, readonly string[]>;

/** Returns what reverting `migrations`, the last first, would delete. */
export async function findDataLoss(
  client: ClientBase,
  migrations: readonly Migration[],
  wait: LockWait,
): Promise<readonly DataLoss[]> {
  const before = await readColumns(client);
  const after = await retried(wait, () =>
    inTransaction(client, wait.timeoutMs, () => revertAndLook(client, migrations), 'rollback'),
  );
  const losses: DataLoss[] = [];
  for (const [table, columns] of before) {
    const kept = after.columns.get(table);
    const rows = kept === undefined ? await count(client, table) : (after.deleted.get(table) ?? 0);
    if (rows > 0) losses.push({ table, column: undefined, rows });
    for (const column of kept === undefined ? [] : columns.filter((name) => !kept.includes(name))) {
      const values = await count(client, table, `where ${escapeIdentifier(column)} is not null`);
      if (values > 0) losses.push({ table, column, rows: values });
    }
  }
  return losses;
}

/** The transaction holds the locks of every migration, so it counts no rows: PostgreSQL has counted those that it deleted. */
async function revertAndLook(client: ClientBase, migrations: readonly Migration[]) {
  // The counts include those of earlier transactions of the session that PostgreSQL has not published yet.
  const earlier = await readDeleted(client);
  for (const migration of migrations) {
    // Indexes contain no data of their own.
    if (concurrentSteps(labelOf(migration), migration.down) === undefined) await client.query(migration.down);
  }
  const deleted = await readDeleted(client);
  for (const [table, rows] of earlier) deleted.set(table, (deleted.get(table) ?? 0) - rows);
  return { columns: await readColumns(client), deleted };
}

/** @throws Error when PostgreSQL is configured to count nothing. */
async function readDeleted(client: ClientBase): Promise<Map<string, number>> {
  const { rows: settings } = await client.query<{ counts: string }>(`select current_setting('track_counts') as counts`);
  if (settings[0]?.counts !== 'on') throw new Error('"migrate down" needs track_counts = on in PostgreSQL.');
  const { rows } = await client.query<{ table: string; deleted: string }>(`
    select coalesce(pg_partition_root(relid), relid)::regclass::text as "table", sum(n_tup_del) as deleted
      from pg_stat_xact_user_tables where n_tup_del > 0 group by 1`);
  return new Map(rows.map(({ table, deleted }) => [table, Number(deleted)]));
}

/** The columns of each table; a partition's rows are those of its table. The row of `deployment` comes from a migration. */
async function readColumns(client: ClientBase): Promise<Columns> {
  const { rows } = await client.query<{ table: string; columns: string[] }>(`
    select c.relname::text as "table", array_agg(a.attname::text order by a.attnum) as columns
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = current_schema()::regnamespace
       and c.relname not in ('schema_migrations', 'deployment')
     group by c.relname order by c.relname`);
  return new Map(rows.map(({ table, columns }) => [table, columns]));
}

async function count(client: ClientBase, table: string, where = ''): Promise<number> {
  const { rows } = await client.query<{ number: string }>(
    `select count(*) as number from ${escapeIdentifier(table)} ${where}`,
  );
  return Number(rows[0]?.number ?? 0);
}
