/** How many rows stand in each table: of all there are, so that a new one is not forgotten. */
import { type Database, statement } from '#platform/database/index.ts';

const count = statement('test_tables.count', {
  lane: 'pool',
  sql: `select c.relname::text as name,
      ((xpath('/row/rows/text()', query_to_xml(format('select count(*) as rows from %I', c.relname), true, true, '')))[1]
        )::text::int4 as rows
    from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = current_schema()::regnamespace
    order by c.relname`,
  params: {},
  columns: { name: 'text?', rows: 'int4?' },
});

/** Rows by table. */
export type TableCounts = Readonly<Record<string, number>>;

/** Counts every table of the schema. */
export async function countTables(database: Database): Promise<TableCounts> {
  const rows = await database.rows(count, {});
  return Object.fromEntries(rows.map((row) => [row.name ?? '', row.rows ?? 0]));
}
