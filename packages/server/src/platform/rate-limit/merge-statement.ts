/** Adding up what processes counted by themselves, in PostgreSQL. */
import { type Database, statement } from '#platform/database/index.ts';
import type { Addition, Standing } from './quota.ts';

/** Sums end here, far from what the column holds. */
const hitsAtMost = 1_000_000_000;

// On the ordinary pool, since its hundreds of rows would hold up what is pipelined behind them. In the order of keys, so
// that two processes that add to the same rows do not wait for each other in a circle.
const merge = statement('rate_limit_counters.merge', {
  lane: 'pool',
  sql: `insert into rate_limit_counters as c (key, hits, ends_at)
    select added.key, added.hits, added.ends_at
    from unnest(:keys::bytea[], :hits::int4[], :ends::timestamptz[]) as added (key, hits, ends_at)
    order by added.key
    on conflict (key) do update set
      hits = case when c.ends_at <= :now then excluded.hits else least(c.hits + excluded.hits, ${hitsAtMost}) end,
      ends_at = case when c.ends_at <= :now then excluded.ends_at else least(c.ends_at, excluded.ends_at) end
    returning key, hits, ends_at`,
  params: { keys: 'bytea[]', hits: 'int4[]', ends: 'timestamptz[]', now: 'timestamptz' },
  columns: { key: 'bytea', hits: 'int4', endsAt: 'timestamptz' },
});

/** Adds each addition under its key; answers how they stand then, in the same order. */
export async function mergeInDatabase(
  database: Database,
  keys: readonly Buffer[],
  additions: readonly Addition[],
  nowMs: number,
): Promise<Standing[]> {
  const rows = await database.rows(merge, {
    keys,
    hits: additions.map(({ hits }) => Math.min(hits, hitsAtMost)),
    ends: additions.map(({ endsAtMs }) => new Date(endsAtMs)),
    now: new Date(nowMs),
  });
  const found = new Map(rows.map(({ key, hits, endsAt }) => [textOf(key), { hits, endsAtMs: endsAt.getTime() }]));
  return additions.map((addition, index) => found.get(textOf(keys[index])) ?? addition);
}

function textOf(key: Buffer | undefined): string {
  return key?.toString('latin1') ?? '';
}
