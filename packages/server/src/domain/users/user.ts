/** The user's row, and the fragment that inserts one. */
import type { Fragment } from '#platform/database/index.ts';

export type UserStatus = 'active' | 'disabled' | 'pending_deletion';

/**
 * SQL: whether the credentials of user `alias` are valid. Those of a pending deletion are, until its grace period ends.
 */
export function isActive(alias: string): string {
  return `${alias}.status in ('active', 'pending_deletion')`;
}

const params = {
  userId: 'uuid',
  userName: 'text',
  userLocale: 'text',
  userCreatedAt: 'timestamptz',
  userWrappedKey: 'bytea',
} as const;

/** The CTEs `created_user` and `created_key`: a user, if the CTE `from` has a row. */
export function insertUserFragment(from: string): Fragment<typeof params> {
  return {
    sql: `created_user as (
      insert into users (id, subject, name, locale, created_at, updated_at)
      select :userId::uuid, :userId::uuid::text, :userName, :userLocale, :userCreatedAt, :userCreatedAt from ${from}
      returning id),
    created_key as (
      insert into user_keys (user_id, wrapped, created_at)
      select id, :userWrappedKey, :userCreatedAt from created_user)`,
    params,
  };
}
