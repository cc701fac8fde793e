/** A digest of every table, to detect any write. */
import { assert } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { Application } from './application.ts';

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

/** Digests by table. The application must be manual: a worker could conclude a job between two digests. */
export async function digestTables({
  services,
  isManual,
}: Pick<Application, 'services' | 'isManual'>): Promise<Readonly<Record<string, string>>> {
  assert(isManual, 'the tables of an application with workers change at any time');
  const rows = await services.database.rows(digest, {});
  return Object.fromEntries(rows.map((row) => [row.name ?? '', row.digest ?? '']));
}

export function changedTables(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  return Object.keys(after).filter((name) => before[name] !== after[name]);
}
