/** A digest of every table, to detect any write. */
import { type Database, statement } from '#platform/database/index.ts';

const digest = statement('test_tables.digest', {
  lane: 'pool',
  sql: `select c.relname::text as name,
      query_to_xml(format('select md5(string_agg(t::text, chr(10) order by t::text)) from %I t', c.relname), true, true, ''
        )::text as digest
    from pg_class c where c.relkind in ('r', 'p') and not c.relispartition
      and c.relnamespace = current_schema()::regnamespace
    order by c.relname`,
  params: {},
  columns: { name: 'text?', digest: 'text?' },
});

/** Digests by table. */
export async function digestTables(database: Database): Promise<Readonly<Record<string, string>>> {
  const rows = await database.rows(digest, {});
  return Object.fromEntries(rows.map((row) => [row.name ?? '', row.digest ?? '']));
}

export function changedTables(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  return Object.keys(after).filter((name) => before[name] !== after[name]);
}
