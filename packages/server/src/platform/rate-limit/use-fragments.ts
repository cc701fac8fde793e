/**
 * SQL fragments that count or refund a use of one or two quotas within a flow's statement, so that counting needs no round
 * trip of its own. All these statements lock rows in the same order (counter per identifier, counter per address, attempt
 * counter), so they cannot deadlock.
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

const windowEnded = 'c.ends_at <= :countedAt';

function countSql(limit: string): string {
  return `on conflict (key) do update set
        hits = case when ${windowEnded} then 1 else c.hits + 1 end,
        ends_at = case when ${windowEnded} then excluded.ends_at else c.ends_at end
      where ${windowEnded} or c.hits < ${limit}::int4
      returning hits, ends_at`;
}

/** SQL: the use is never exempt. */
const never = 'false';

/**
 * The CTEs `per_identifier` and `per_address`. Each has a row if it counted; a null key counts nothing. `per_address` depends
 * on `per_identifier`, so that attempts on one exhausted identifier do not use up the quota of the address.
 * @param exempt SQL condition under which nothing is counted.
 */
export function useFragment(exempt: string = never): Fragment<typeof useParams> {
  return {
    sql: `per_identifier as (
      insert into rate_limit_counters as c (key, hits, ends_at)
      select :perIdentifierKey::bytea, 1, :perIdentifierEndsAt::timestamptz
      where :perIdentifierKey::bytea is not null and not :useRefused::boolean and not (${exempt})
      ${countSql(':perIdentifierLimit')}),
    per_address as (
      insert into rate_limit_counters as c (key, hits, ends_at)
      select :perAddressKey::bytea, 1, :perAddressEndsAt::timestamptz from per_identifier where :perAddressKey::bytea is not null
      ${countSql(':perAddressLimit')})`,
    params: useParams,
  };
}

/** SQL condition: every key was counted or need not be. `exempt` must be the one of `useFragment`. */
export function useGranted(exempt: string = never): string {
  return `((${exempt}) or not :useRefused::boolean
    and (:perIdentifierKey::bytea is null or exists (select from per_identifier))
    and (:perAddressKey::bytea is null or exists (select from per_address)))`;
}

/** The select list for the CTEs of `useFragment`; `useJoins` joins them to a row that always exists. */
export const useFields = `per_identifier.hits as per_identifier_hits,
      coalesce(per_identifier.ends_at, per_identifier_before.ends_at) as per_identifier_ends_at,
      per_address.hits as per_address_hits,
      coalesce(per_address.ends_at, per_address_before.ends_at) as per_address_ends_at`;
export const useJoins = `left join per_identifier on true
      left join per_address on true
      left join rate_limit_counters per_identifier_before on per_identifier_before.key = :perIdentifierKey
      left join rate_limit_counters per_address_before on per_address_before.key = :perAddressKey`;

/** The columns of `useFields`. */
export const useColumns = {
  perIdentifierHits: 'int4?',
  perIdentifierEndsAt: 'timestamptz?',
  perAddressHits: 'int4?',
  perAddressEndsAt: 'timestamptz?',
} as const;

/** The parameters of `useFragment`. */
export type UseValues = Values<typeof useParams>;

/** The row of `useFields`. */
export type UseRow = Values<typeof useColumns>;

/** Parameters of `useFragment` that count nothing. `useRefused`: the quota was already found to be exhausted. */
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

const refundParameters = {
  refundPerIdentifierKey: 'bytea?',
  refundPerAddressKey: 'bytea?',
  refundedAt: 'timestamptz',
} as const;

/** The parameters of `refundFragment`. */
export type RefundValues = Values<typeof refundParameters>;

/** Parameters of `refundFragment` that refund nothing. */
export function refundNothing(now: Date): RefundValues {
  return { refundPerIdentifierKey: null, refundPerAddressKey: null, refundedAt: now };
}

/**
 * The CTEs `per_identifier_refunded` and `per_address_refunded`: each refunds one use if its window has not ended and the
 * CTE `from` has a row. A CTE that locks further rows must contain `afterRefund` to keep the lock order.
 */
export function refundFragment(from: string): Fragment<typeof refundParameters> {
  const refund = (key: string) => `update rate_limit_counters c set hits = c.hits - 1 from ${from}
      where c.key = :${key} and c.ends_at > :refundedAt and c.hits > 0`;
  return {
    sql: `per_identifier_refunded as (${refund('refundPerIdentifierKey')} returning c.key),
    per_address_refunded as (
      ${refund('refundPerAddressKey')} and (select count(*) from per_identifier_refunded) >= 0 returning c.key)`,
    params: refundParameters,
  };
}

/** SQL condition that is always true but makes PostgreSQL evaluate the CTEs of `refundFragment` first. */
export const afterRefund = '(select count(*) from per_address_refunded) >= 0';
