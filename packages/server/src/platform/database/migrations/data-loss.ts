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
  const rowsBefore = await countAll(client, [...before.keys()]);
  const after = await retried(wait, () =>
    inTransaction(client, wait.timeoutMs, () => revertAndLook(client, migrations), 'rollback'),
  );
  const losses: DataLoss[] = [];
  for (const [table, columns] of before) {
    const rows = (rowsBefore.get(table) ?? 0) - (after.rows.get(table) ?? 0);
    if (rows > 0) losses.push({ table, column: undefined, rows });
    const kept = after.columns.get(table);
    for (const column of kept === undefined ? [] : columns.filter((name) => !kept.includes(name))) {
      const values = await count(client, table, `where ${escapeIdentifier(column)} is not null`);
      if (values > 0) losses.push({ table, column, rows: values });
    }
  }
  return losses;
}

async function revertAndLook(client: ClientBase, migrations: readonly Migration[]) {
  for (const migration of migrations) {
    // Indexes contain no data of their own.
    if (concurrentSteps(labelOf(migration), migration.down) === undefined) await client.query(migration.down);
  }
  const columns = await readColumns(client);
  return { columns, rows: await countAll(client, [...columns.keys()]) };
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

async function countAll(client: ClientBase, tables: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const table of tables) counts.set(table, await count(client, table));
  return counts;
}

async function count(client: ClientBase, table: string, where = ''): Promise<number> {
  const { rows } = await client.query<{ number: string }>(
    `select count(*) as number from ${escapeIdentifier(table)} ${where}`,
  );
  return Number(rows[0]?.number ?? 0);
}
