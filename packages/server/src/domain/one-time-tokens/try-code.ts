/** Counting a try of a code before it is compared, whatever was typed. */
import type { Fragment } from '#platform/database/index.ts';

/** A code of a million is worth this many tries, the right one included; then it is dead. */
export const maxCodeTries = 5;

const params = { browserHash: 'bytea', now: 'timestamptz' } as const;

/**
 * The CTE `tried`: one more try of the newest live code that this browser asked for the user in the CTE `known`, if the
 * CTE `from` has a row. No row: there is none. Compare only while `tries` is at most `maxCodeTries`.
 */
export function tryCodeFragment(from: string): Fragment<typeof params> {
  return {
    sql: `newest as (
      select t.id from one_time_tokens t join known on t.user_id = known.id and t.auth_epoch = known.auth_epoch
      where t.purpose = 'email_code' and t.browser_hash = :browserHash and t.consumed_at is null
        and t.expires_at > :now
      order by t.created_at desc, t.id desc limit 1),
    tried as (
      update one_time_tokens t set tries = t.tries + 1 from newest, ${from} where t.id = newest.id
      returning t.id, t.key_id, t.hash, t.tries)`,
    params,
  };
}
