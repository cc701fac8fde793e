/**
 * SQL fragments that take or give back a use of one or two quotas, alone or within a flow's statement, so that counting needs
 * no round trip of its own. All these statements lock rows in the same order (counter per identifier, counter per address,
 * attempt counter), so they cannot deadlock.
 */
import type { Fragment, Values } from '#platform/database/index.ts';

const useParams = {
  perIdentifierKey: 'bytea?',
  perIdentifierLimit: 'int4',
  perIdentifierMs: 'int8',
  perIdentifierRestMs: 'int8',
  perAddressKey: 'bytea?',
  perAddressLimit: 'int4',
  perAddressMs: 'int8',
  uses: 'int4',
  countedAt: 'timestamptz',
  useRefused: 'bool',
} as const;

const now = ':countedAt::timestamptz';
const after = (ms: string) => `${now} + ${ms}::int8 * interval '1 millisecond'`;

function countSql(name: 'perIdentifier' | 'perAddress'): string {
  const hasEnded = `(c.ends_at <= ${now} or c.ends_at > ${after(`2 * :${name}Ms`)})`;
  return `on conflict (key) do update set
        hits = excluded.hits + case when ${hasEnded} then 0 else c.hits end,
        ends_at = case when ${hasEnded} then excluded.ends_at else least(c.ends_at, excluded.ends_at) end
      where ${hasEnded} or c.hits < :${name}Limit::int4
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
      select :perIdentifierKey::bytea, :uses::int4, ${after(':perIdentifierRestMs')}
      where :perIdentifierKey::bytea is not null and not :useRefused::boolean and not (${exempt})
      ${countSql('perIdentifier')}),
    per_address as (
      insert into rate_limit_counters as c (key, hits, ends_at)
      select :perAddressKey::bytea, :uses::int4, ${after(':perAddressMs')}
      from per_identifier where :perAddressKey::bytea is not null
      ${countSql('perAddress')})`,
    params: useParams,
  };
}

/** SQL condition: every key was counted or need not be. `exempt` must be the one of `useFragment`. */
export function useGranted(exempt: string = never): string {
  return `((${exempt}) or not :useRefused::boolean
    and (:perIdentifierKey::bytea is null or exists (select from per_identifier))
    and (:perAddressKey::bytea is null or exists (select from per_address)))`;
}

const restMs = (name: 'per_identifier' | 'per_address') =>
  `(extract(epoch from coalesce(${name}.ends_at, ${name}_before.ends_at) - ${now}) * 1000)::int8`;

/** The select list for the CTEs of `useFragment`; `useJoins` joins them to a row that always exists. */
export const useFields = `per_identifier.hits as per_identifier_hits,
      ${restMs('per_identifier')} as per_identifier_rest_ms,
      per_address.hits as per_address_hits,
      ${restMs('per_address')} as per_address_rest_ms`;
export const useJoins = `left join per_identifier on true
      left join per_address on true
      left join rate_limit_counters per_identifier_before on per_identifier_before.key = :perIdentifierKey
      left join rate_limit_counters per_address_before on per_address_before.key = :perAddressKey`;

/** The columns of `useFields`. */
export const useColumns = {
  perIdentifierHits: 'int4?',
  perIdentifierRestMs: 'int8?',
  perAddressHits: 'int4?',
  perAddressRestMs: 'int8?',
} as const;

/** The parameters of `useFragment`. */
export type UseValues = Values<typeof useParams>;

/** The row of `useFields`. */
export type UseRow = Values<typeof useColumns>;

/** Parameters of `useFragment` that count nothing. `useRefused`: the quota was already found to be exhausted. */
export function countNothing(now: Date, useRefused = false): UseValues {
  const perIdentifier = { perIdentifierKey: null, perIdentifierLimit: 0, perIdentifierMs: 0, perIdentifierRestMs: 0 };
  const perAddress = { perAddressKey: null, perAddressLimit: 0, perAddressMs: 0 };
  return { ...perIdentifier, ...perAddress, uses: 0, countedAt: now, useRefused };
}

const refundParams = {
  refundPerIdentifierKey: 'bytea?',
  refundPerAddressKey: 'bytea?',
  refundedAt: 'timestamptz',
} as const;

/** The parameters of `refundFragment`. */
export type RefundValues = Values<typeof refundParams>;

/** Parameters of `refundFragment` that give back nothing. */
export function refundNothing(now: Date): RefundValues {
  return { refundPerIdentifierKey: null, refundPerAddressKey: null, refundedAt: now };
}

/**
 * The CTEs `per_identifier_refunded` and `per_address_refunded`: each gives back one use if its window has not ended and the
 * CTE `from` has a row. A CTE that locks further rows must contain `afterRefund` to keep the lock order.
 */
export function refundFragment(from: string): Fragment<typeof refundParams> {
  const refund = (key: string) => `update rate_limit_counters c set hits = c.hits - 1 from ${from}
      where c.key = :${key} and c.ends_at > :refundedAt and c.hits > 0`;
  return {
    sql: `per_identifier_refunded as (${refund('refundPerIdentifierKey')} returning c.key),
    per_address_refunded as (
      ${refund('refundPerAddressKey')} and (select count(*) from per_identifier_refunded) >= 0 returning c.key)`,
    params: refundParams,
  };
}

/** SQL condition that is always true but makes PostgreSQL evaluate the CTEs of `refundFragment` first. */
export const afterRefund = '(select count(*) from per_address_refunded) >= 0';
