/**
 * SQL that counts a use of one or two quotas, and that gives one back: parts of the statement of whoever is asked, so that
 * counting costs no round trip of its own. Rows are always taken in one order, the narrow counter before the wide one and
 * both before a counter of attempts, so that no two of these statements wait for each other.
 */
import type { Fragment, Values } from '#platform/database/index.ts';

const useParams = {
  narrowKey: 'bytea?',
  narrowLimit: 'int4',
  narrowEndsAt: 'timestamptz',
  wideKey: 'bytea?',
  wideLimit: 'int4',
  wideEndsAt: 'timestamptz',
  countedAt: 'timestamptz',
  useRefused: 'bool',
} as const;

const begunAnew = 'c.ends_at <= :countedAt';

function countSql(limit: string): string {
  return `on conflict (key) do update set
        hits = case when ${begunAnew} then 1 else c.hits + 1 end,
        ends_at = case when ${begunAnew} then excluded.ends_at else c.ends_at end
      where ${begunAnew} or c.hits < ${limit}::int4
      returning hits, ends_at`;
}

/** SQL: nobody is spared the count. */
const nobody = 'false';

/**
 * The CTEs `narrow` and `wide`: each has a row when it counted. A key that is null counts nothing; `wide` is chained to
 * `narrow`, so that who has used up the narrow quota uses up nothing for others.
 * @param spared SQL: whether this one is not limited; then nothing is counted.
 */
export function useFragment(spared: string = nobody): Fragment<typeof useParams> {
  return {
    sql: `narrow as (
      insert into rate_limit_counters as c (key, hits, ends_at)
      select :narrowKey::bytea, 1, :narrowEndsAt::timestamptz
      where :narrowKey::bytea is not null and not :useRefused::boolean and not (${spared})
      ${countSql(':narrowLimit')}),
    wide as (
      insert into rate_limit_counters as c (key, hits, ends_at)
      select :wideKey::bytea, 1, :wideEndsAt::timestamptz from narrow where :wideKey::bytea is not null
      ${countSql(':wideLimit')})`,
    params: useParams,
  };
}

/** SQL: whether every key that is asked for was counted, or need not be. */
export function useGranted(spared: string = nobody): string {
  return `((${spared}) or not :useRefused::boolean
    and (:narrowKey::bytea is null or exists (select from narrow))
    and (:wideKey::bytea is null or exists (select from wide)))`;
}

/** What a statement with the CTEs of `useFragment` selects of them, and joins to a row that is always there. */
export const useFields = `narrow.hits as narrow_hits, coalesce(narrow.ends_at, narrow_before.ends_at) as narrow_ends_at,
      wide.hits as wide_hits, coalesce(wide.ends_at, wide_before.ends_at) as wide_ends_at`;
export const useJoins = `left join narrow on true
      left join wide on true
      left join rate_limit_counters narrow_before on narrow_before.key = :narrowKey
      left join rate_limit_counters wide_before on wide_before.key = :wideKey`;

/** The types of `useFields`. */
export const useColumns = {
  narrowHits: 'int4?',
  narrowEndsAt: 'timestamptz?',
  wideHits: 'int4?',
  wideEndsAt: 'timestamptz?',
} as const;

/** The parameters of `useFragment`. */
export type UseValues = Values<typeof useParams>;

/** What a statement answered of `useFields`. */
export type UseRow = Values<typeof useColumns>;

/** The parameters of a use that is counted, or was refused, already; or that is none. */
export function countNothing(now: Date, useRefused = false): UseValues {
  const noKeys = { narrowKey: null, narrowLimit: 0, narrowEndsAt: now, wideKey: null, wideLimit: 0, wideEndsAt: now };
  return { ...noKeys, countedAt: now, useRefused };
}

const returnParams = { returnNarrowKey: 'bytea?', returnWideKey: 'bytea?', returnedAt: 'timestamptz' } as const;

/** The parameters of `returnFragment`. */
export type ReturnValues = Values<typeof returnParams>;

/** The parameters of `returnFragment` where there is nothing to give back. */
export function returnNothing(now: Date): ReturnValues {
  return { returnNarrowKey: null, returnWideKey: null, returnedAt: now };
}

/**
 * The CTEs `narrow_returned` and `wide_returned`: one use of each is given back, if its window has not ended and the CTE
 * `from` has a row. What locks further rows afterwards asks `afterReturn`.
 */
export function returnFragment(from: string): Fragment<typeof returnParams> {
  const giveBack = (key: string) => `update rate_limit_counters c set hits = c.hits - 1 from ${from}
      where c.key = :${key} and c.ends_at > :returnedAt and c.hits > 0`;
  return {
    sql: `narrow_returned as (${giveBack('returnNarrowKey')} returning c.key),
    wide_returned as (
      ${giveBack('returnWideKey')} and (select count(*) from narrow_returned) >= 0 returning c.key)`,
    params: returnParams,
  };
}

/** SQL: always true, and only known when the CTEs of `returnFragment` have run. */
export const afterReturn = '(select count(*) from wide_returned) >= 0';
