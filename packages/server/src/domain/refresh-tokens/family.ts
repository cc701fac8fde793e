/** A family: the chain of refresh tokens that began with one login. */
import type { Fragment } from '#platform/database/index.ts';

const params = {
  familyId: 'uuid?',
  familyClientId: 'text',
  familyEpoch: 'int4',
  familyCreatedAt: 'timestamptz',
  refreshHash: 'bytea?',
  refreshExpiresAt: 'timestamptz',
} as const;

/**
 * The CTEs `created_family` and `created_refresh_token`, for the `session_id` and `user_id` in the CTE `from`; none
 * when `familyId` is null (a cookie session has no refresh token).
 */
export function insertFamilyFragment(from: string): Fragment<typeof params> {
  return {
    sql: `created_family as (
      insert into refresh_families (id, session_id, client_id, user_id, auth_epoch, created_at)
      select :familyId::uuid, session_id, :familyClientId, user_id, :familyEpoch, :familyCreatedAt
      from ${from} where :familyId::uuid is not null
      returning id),
    created_refresh_token as (
      insert into refresh_tokens (hash, family_id, issued_at, expires_at)
      select :refreshHash::bytea, id, :familyCreatedAt, :refreshExpiresAt from created_family)`,
    params,
  };
}
