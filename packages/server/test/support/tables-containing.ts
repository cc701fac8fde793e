/** Searches every table of the database for a text. */
import { type Database, type Statement, statement } from '#platform/database/index.ts';

const listTables = statement('all_text.tables', {
  lane: 'pool',
  sql: `select c.relname::text as name from pg_class c
    where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace order by c.relname`,
  params: {},
  columns: { name: 'text?' },
});

type DumpRows = Statement<Record<never, never>, { readonly line: 'text?' }>;

const dumps = new Map<string, DumpRows>();

function dumpOf(table: string): DumpRows {
  const existing = dumps.get(table);
  if (existing !== undefined) return existing;
  const dump = statement(`all_text.dump_${table}`, {
    lane: 'pool',
    sql: `select row_to_json(t)::text as line from "${table}" t`,
    params: {},
    columns: { line: 'text?' },
  });
  dumps.set(table, dump);
  return dump;
}

/**
 * Returns the tables that contain a text, plain or as bytes, in any case.
 * @throws Error when the database is nearly empty.
 */
export async function tablesContaining(database: Database, text: string): Promise<string[]> {
  const wanted = [
    text.toLowerCase(),
    Buffer.from(text).toString('hex'),
    Buffer.from(text.toLowerCase()).toString('hex'),
  ];
  const found: string[] = [];
  let searched = 0;
  for (const { name } of await database.rows(listTables, {})) {
    const rows = await database.rows(dumpOf(name ?? ''), {});
    const lines = rows.map(({ line }) => (line ?? '').toLowerCase());
    searched += lines.length;
    if (lines.some((line) => wanted.some((one) => line.includes(one)))) found.push(name ?? '');
  }
  if (searched < 5) throw new Error('the database is nearly empty');
  return found;
}
