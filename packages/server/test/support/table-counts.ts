/** Row counts of all tables. The catalog lists them, so that a new table is included. */
import { type Database, statement } from '#platform/database/index.ts';

const count = statement('test_tables.count', {
  lane: 'pool',
  sql: `select c.relname::text as name,
      ((xpath('/row/rows/text()', query_to_xml(format('select count(*) as rows from %I', c.relname), true, true, '')))[1]
        )::text::int4 as rows
    from pg_class c where c.relkind in ('r', 'p') and not c.relispartition
      and c.relnamespace = current_schema()::regnamespace
    order by c.relname`,
  params: {},
  columns: { name: 'text?', rows: 'int4?' },
});

/** Row counts by table. */
export type TableCounts = Readonly<Record<string, number>>;

export async function countTables(database: Database): Promise<TableCounts> {
  const rows = await database.rows(count, {});
  return Object.fromEntries(rows.map((row) => [row.name ?? '', row.rows ?? 0]));
}
