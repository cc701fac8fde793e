/** Counters that every node sees, in PostgreSQL: for quotas that must be exact where there is no Redis. */
import { type Database, statement } from '#platform/database/index.ts';
import { type Charge, nameOf, type Standing } from './quota.ts';
import type { SharedCounters, Taken } from './shared-counters.ts';

// The wide counter is chained to the narrow one, so that who has used up the narrow one uses up nothing for others.
const take = statement('rate_limit_counters.take', {
  lane: 'counter',
  sql: `with narrow as (
      insert into rate_limit_counters as c (key, hits, ends_at) values (:narrowKey, 1, :narrowEndsAt)
      on conflict (key) do update set
        hits = case when c.ends_at <= :now then 1 else c.hits + 1 end,
        ends_at = case when c.ends_at <= :now then excluded.ends_at else c.ends_at end
      where c.ends_at <= :now or c.hits < :narrowLimit::int4
      returning hits, ends_at),
    wide as (
      insert into rate_limit_counters as c (key, hits, ends_at)
      select :wideKey::bytea, 1, :wideEndsAt::timestamptz from narrow where :wideKey::bytea is not null
      on conflict (key) do update set
        hits = case when c.ends_at <= :now then 1 else c.hits + 1 end,
        ends_at = case when c.ends_at <= :now then excluded.ends_at else c.ends_at end
      where c.ends_at <= :now or c.hits < :wideLimit::int4
      returning hits, ends_at)
    select narrow.hits as narrow_hits, coalesce(narrow.ends_at, narrow_before.ends_at) as narrow_ends_at,
      wide.hits as wide_hits, coalesce(wide.ends_at, wide_before.ends_at) as wide_ends_at
    from (select) as one
      left join narrow on true
      left join wide on true
      left join rate_limit_counters narrow_before on narrow_before.key = :narrowKey
      left join rate_limit_counters wide_before on wide_before.key = :wideKey`,
  params: {
    narrowKey: 'bytea',
    narrowLimit: 'int4',
    narrowEndsAt: 'timestamptz',
    wideKey: 'bytea?',
    wideLimit: 'int4?',
    wideEndsAt: 'timestamptz?',
    now: 'timestamptz',
  },
  columns: { narrowHits: 'int4?', narrowEndsAt: 'timestamptz?', wideHits: 'int4?', wideEndsAt: 'timestamptz?' },
});

const giveBack = statement('rate_limit_counters.give_back', {
  lane: 'counter',
  sql: `update rate_limit_counters set hits = hits - 1
    where key = any (:keys::bytea[]) and ends_at > :now and hits > 0`,
  params: { keys: 'bytea[]', now: 'timestamptz' },
  columns: {},
});

const sweep = statement('rate_limit_counters.sweep', {
  lane: 'pool',
  sql: `delete from rate_limit_counters where key in (
    select key from rate_limit_counters where ends_at <= :now order by ends_at limit 10000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** Deletes windows that have ended, some thousands at most; answers how many. */
export function deleteEndedWindows(database: Database, now: Date): Promise<number> {
  return database.run(sweep, { now });
}

/** Makes a key of bytes that tells nothing of the address in it. */
export type HashKey = (text: string) => Buffer;

export class DatabaseCounters implements SharedCounters {
  readonly #database: Database;
  readonly #hash: HashKey;

  constructor(dependencies: { readonly database: Database; readonly hash: HashKey }) {
    this.#database = dependencies.database;
    this.#hash = dependencies.hash;
  }

  async take(charges: readonly [Charge, Charge?], nowMs: number): Promise<Taken> {
    const [narrow, wide] = charges;
    const row = await this.#database.row(take, {
      narrowKey: this.#keyOf(narrow),
      narrowLimit: narrow.quota.limit,
      narrowEndsAt: endOf(narrow, nowMs),
      wideKey: wide === undefined ? null : this.#keyOf(wide),
      wideLimit: wide?.quota.limit ?? null,
      wideEndsAt: wide === undefined ? null : endOf(wide, nowMs),
      now: new Date(nowMs),
    });
    const standings = [standingOf(narrow, nowMs, row?.narrowHits, row?.narrowEndsAt)];
    if (wide !== undefined && row?.narrowHits !== null) {
      standings.push(standingOf(wide, nowMs, row?.wideHits, row?.wideEndsAt));
    }
    const refused = standings.findIndex((standing, index) => standing.hits > (charges[index] as Charge).quota.limit);
    // The narrow counter took a use that the wide one then refused.
    if (refused === 1) await this.giveBack([narrow], nowMs);
    return { standings, refused: refused === -1 ? undefined : refused };
  }

  async giveBack(charges: readonly Charge[], nowMs: number): Promise<void> {
    await this.#database.run(giveBack, { keys: charges.map((charge) => this.#keyOf(charge)), now: new Date(nowMs) });
  }

  #keyOf(charge: Charge): Buffer {
    return this.#hash(nameOf(charge));
  }
}

function endOf({ quota }: Charge, nowMs: number): Date {
  return new Date(nowMs + quota.windowSeconds * 1000);
}

/** No hits means that the counter took nothing: it stands at its limit. */
function standingOf(
  { quota }: Charge,
  nowMs: number,
  hits: number | null | undefined,
  endsAt: Date | null | undefined,
): Standing {
  return {
    hits: hits ?? quota.limit + 1,
    endsAtMs: endsAt?.getTime() ?? nowMs + quota.windowSeconds * 1000,
  };
}
