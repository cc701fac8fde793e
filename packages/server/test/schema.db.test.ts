/** Rules for the indexes of the product's schema, read from the catalog. */
import { expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from './support/databases.ts';

const readIndexes = statement('schema_test.indexes', {
  lane: 'pool',
  sql: `select i.indexrelid::regclass::text as name, i.indrelid::regclass::text as table_name,
      coalesce(pg_get_expr(i.indpred, i.indrelid), '') as predicate,
      array(select pg_get_indexdef(i.indexrelid, n, false) from generate_series(1, i.indnkeyatts) n) as columns
    from pg_index i join pg_class c on c.oid = i.indrelid
    where c.relnamespace = current_schema()::regnamespace and not c.relispartition order by 2, 1`,
  params: {},
  columns: { name: 'text?', tableName: 'text?', predicate: 'text?', columns: 'text[]?' },
});

interface Index {
  readonly name: string;
  readonly tableName: string;
  readonly predicate: string;
  readonly columns: readonly string[];
}

/** An index whose columns start another one with the same predicate costs every write and serves no read. */
function redundant(indexes: readonly Index[]): string[] {
  return indexes.flatMap((short) =>
    indexes.filter((long) => isCovered(short, long)).map((long) => `${short.name} is the start of ${long.name}`),
  );
}

function isCovered(short: Index, long: Index): boolean {
  if (short.name === long.name || short.tableName !== long.tableName) return false;
  return short.predicate === long.predicate && short.columns.every((column, at) => long.columns[at] === column);
}

/** Every session check updates these. PostgreSQL leaves the indexes alone (HOT) only if none contains a changed column. */
const oftenUpdated: Readonly<Record<string, readonly string[]>> = {
  sessions: ['last_seen_at', 'idle_expires_at'],
};

describeOnBothDatabases('the schema', (database) => {
  it('has no index whose columns start another index with the same predicate', async () => {
    const indexes = (await database().rows(readIndexes, {})) as readonly Index[];
    expect(indexes.length).toBeGreaterThan(40);
    expect(redundant(indexes)).toEqual([]);
  });

  it('finds such an index', () => {
    const index = { tableName: 't', predicate: '' };
    const long = { ...index, name: 'long', columns: ['a', 'b'] };
    expect(redundant([{ ...index, name: 'short', columns: ['a'] }, long])).toEqual(['short is the start of long']);
    expect(redundant([{ ...index, name: 'other', columns: ['b'] }, long])).toEqual([]);
    expect(redundant([{ ...index, name: 'partial', columns: ['a'], predicate: 'c' }, long])).toEqual([]);
  });

  it('has no index on a column that every use of a session updates', async () => {
    const indexes = (await database().rows(readIndexes, {})) as readonly Index[];
    const slow = indexes.filter(({ tableName, columns, predicate }) =>
      oftenUpdated[tableName]?.some((column) => columns.includes(column) || predicate.includes(column)),
    );
    expect(slow.map(({ name }) => name)).toEqual([]);
  });
});
