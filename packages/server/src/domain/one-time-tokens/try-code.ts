import { type Database, type Fragment, statement, type Values } from '#platform/database/index.ts';
import type { CodePurpose } from './issue.ts';

/** Tries of one code, including a right one. With a million codes an attacker succeeds with a chance of 1 in 200,000. */
export const maxCodeTries = 5;

const params = { browserHash: 'bytea', now: 'timestamptz' } as const;

/**
 * The CTE `tried`: counts a try of the newest active code that this client requested for the user in the CTE `known`, if
 * the CTE `from` has a row. It has no row when there is no such code. The caller compares the code only while `tries` is
 * at most `maxCodeTries`.
 */
export function tryCodeFragment(from: string, purpose: CodePurpose): Fragment<typeof params> {
  return {
    sql: `newest as (
      select t.id from one_time_tokens t join known on t.user_id = known.id and t.auth_epoch = known.auth_epoch
      where t.purpose = '${purpose}' and t.browser_hash = :browserHash and t.consumed_at is null
        and t.expires_at > :now
      order by t.created_at desc, t.id desc limit 1),
    tried as (
      update one_time_tokens t set tries = t.tries + 1 from newest, ${from} where t.id = newest.id
      returning t.id, t.key_id, t.hash, t.tries)`,
    params,
  };
}

const tryVerificationCode = statement('one_time_tokens.try_verification_code', {
  lane: 'counter',
  sql: `with newest as (
      select t.id from one_time_tokens f join one_time_tokens t on t.user_id = f.user_id and t.purpose = f.purpose
        join users u on u.id = t.user_id and u.auth_epoch = t.auth_epoch
      where f.id = :registrationId and f.purpose = 'verify_email' and t.registration_id = f.id
        and t.consumed_at is null and t.expires_at > :now
      order by t.created_at desc, t.id desc limit 1)
    update one_time_tokens t set tries = t.tries + 1 from newest
    where t.id = newest.id and t.tries < ${maxCodeTries}
    returning t.id, t.key_id, t.user_id`,
  params: { registrationId: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid', keyId: 'uuid', userId: 'uuid' },
});

/** The row of a code that may be compared once. */
export type TriedCode = Values<typeof tryVerificationCode.columns>;

/**
 * Counts a try of the code in the newest mail of a registration, before the code is compared (invariant 2). Returns
 * undefined without a mail, and after five tries; the link of that mail still works.
 */
export async function tryCodeOfRegistration(
  database: Database,
  registrationId: string,
  now: Date,
): Promise<TriedCode | undefined> {
  return database.row(tryVerificationCode, { registrationId, now });
}
