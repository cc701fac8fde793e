/** Merges the counts of processes in PostgreSQL. */
import { type Database, statement } from '#platform/database/index.ts';
import type { Addition, WindowState } from './quota.ts';

/** A cap far below the maximum of `int4`, so that sums cannot overflow. */
const maxHits = 1_000_000_000;

// On the pool, because hundreds of rows would delay the statements pipelined behind it. Ordered by key, so that two
// processes that update the same rows cannot deadlock.
const merge = statement('rate_limit_counters.merge', {
  lane: 'pool',
  sql: `insert into rate_limit_counters as c (key, hits, ends_at)
    select added.key, added.hits, added.ends_at
    from unnest(:keys::bytea[], :hits::int4[], :ends::timestamptz[]) as added (key, hits, ends_at)
    order by added.key
    on conflict (key) do update set
      hits = case when c.ends_at <= :now then excluded.hits else least(c.hits + excluded.hits, ${maxHits}) end,
      ends_at = case when c.ends_at <= :now then excluded.ends_at else least(c.ends_at, excluded.ends_at) end
    returning key, hits, ends_at`,
  params: { keys: 'bytea[]', hits: 'int4[]', ends: 'timestamptz[]', now: 'timestamptz' },
  columns: { key: 'bytea', hits: 'int4', endsAt: 'timestamptz' },
});

/** Adds each addition to its key; returns the sums in the same order. */
export async function mergeInDatabase(
  database: Database,
  keys: readonly Buffer[],
  additions: readonly Addition[],
  nowMs: number,
): Promise<WindowState[]> {
  const rows = await database.rows(merge, {
    keys,
    hits: additions.map(({ hits }) => Math.min(hits, maxHits)),
    ends: additions.map(({ endsAtMs }) => new Date(endsAtMs)),
    now: new Date(nowMs),
  });
  const sums = new Map(rows.map(({ key, hits, endsAt }) => [textOf(key), { hits, endsAtMs: endsAt.getTime() }]));
  return additions.map((addition, index) => sums.get(textOf(keys[index])) ?? addition);
}

function textOf(key: Buffer | undefined): string {
  return key?.toString('latin1') ?? '';
}
