/**
 * SQL that counts a use of one or two quotas, and that gives one back: parts of the statement of whoever is asked, so that
 * counting costs no round trip of its own. Rows are always taken in one order, the narrow counter before the wide one and
 * both before a counter of attempts, so that no two of these statements wait for each other.
 */
import type { Fragment, Values } from '#platform/database/index.ts';

const useParams = {
  perIdentifierKey: 'bytea?',
  perIdentifierLimit: 'int4',
  perIdentifierEndsAt: 'timestamptz',
  perAddressKey: 'bytea?',
  perAddressLimit: 'int4',
  perAddressEndsAt: 'timestamptz',
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
      select :perIdentifierKey::bytea, 1, :perIdentifierEndsAt::timestamptz
      where :perIdentifierKey::bytea is not null and not :useRefused::boolean and not (${spared})
      ${countSql(':perIdentifierLimit')}),
    wide as (
      insert into rate_limit_counters as c (key, hits, ends_at)
      select :perAddressKey::bytea, 1, :perAddressEndsAt::timestamptz from narrow where :perAddressKey::bytea is not null
      ${countSql(':perAddressLimit')})`,
    params: useParams,
  };
}

/** SQL: whether every key that is asked for was counted, or need not be. */
export function useGranted(spared: string = nobody): string {
  return `((${spared}) or not :useRefused::boolean
    and (:perIdentifierKey::bytea is null or exists (select from narrow))
    and (:perAddressKey::bytea is null or exists (select from wide)))`;
}

/** What a statement with the CTEs of `useFragment` selects of them, and joins to a row that is always there. */
export const useFields = `narrow.hits as narrow_hits, coalesce(narrow.ends_at, narrow_before.ends_at) as narrow_ends_at,
      wide.hits as wide_hits, coalesce(wide.ends_at, wide_before.ends_at) as wide_ends_at`;
export const useJoins = `left join narrow on true
      left join wide on true
      left join rate_limit_counters narrow_before on narrow_before.key = :perIdentifierKey
      left join rate_limit_counters wide_before on wide_before.key = :perAddressKey`;

/** The types of `useFields`. */
export const useColumns = {
  perIdentifierHits: 'int4?',
  perIdentifierEndsAt: 'timestamptz?',
  perAddressHits: 'int4?',
  perAddressEndsAt: 'timestamptz?',
} as const;

/** The parameters of `useFragment`. */
export type UseValues = Values<typeof useParams>;

/** What a statement answered of `useFields`. */
export type UseRow = Values<typeof useColumns>;

/** The parameters of a use that is counted, or was refused, already; or that is none. */
export function countNothing(now: Date, useRefused = false): UseValues {
  const noKeys = {
    perIdentifierKey: null,
    perIdentifierLimit: 0,
    perIdentifierEndsAt: now,
    perAddressKey: null,
    perAddressLimit: 0,
    perAddressEndsAt: now,
  };
  return { ...noKeys, countedAt: now, useRefused };
}

const returnParams = {
  refundPerIdentifierKey: 'bytea?',
  refundPerAddressKey: 'bytea?',
  returnedAt: 'timestamptz',
} as const;

/** The parameters of `refundFragment`. */
export type RefundValues = Values<typeof returnParams>;

/** The parameters of `refundFragment` where there is nothing to give back. */
export function refundNothing(now: Date): RefundValues {
  return { refundPerIdentifierKey: null, refundPerAddressKey: null, returnedAt: now };
}

/**
 * The CTEs `narrow_returned` and `wide_returned`: one use of each is given back, if its window has not ended and the CTE
 * `from` has a row. What locks further rows afterwards asks `afterRefund`.
 */
export function refundFragment(from: string): Fragment<typeof returnParams> {
  const giveBack = (key: string) => `update rate_limit_counters c set hits = c.hits - 1 from ${from}
      where c.key = :${key} and c.ends_at > :returnedAt and c.hits > 0`;
  return {
    sql: `narrow_returned as (${giveBack('refundPerIdentifierKey')} returning c.key),
    wide_returned as (
      ${giveBack('refundPerAddressKey')} and (select count(*) from narrow_returned) >= 0 returning c.key)`,
    params: returnParams,
  };
}

/** SQL: always true, and only known when the CTEs of `refundFragment` have run. */
export const afterRefund = '(select count(*) from wide_returned) >= 0';
