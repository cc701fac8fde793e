/** Inserting a revocation, as a fragment of the effect's statement, and how long its row is kept. */
import { maxAccessTokenLifetimeSeconds } from '#domain/clients/index.ts';
import type { Fragment } from '#platform/database/index.ts';

/** How long a node may remember a session without reading it again. */
export const rememberedSeconds = 300;

const marginSeconds = 60;

/** How long a row is kept: as long as anything that it revokes can live, and a margin for clock skew. */
export const keptSeconds = Math.max(maxAccessTokenLifetimeSeconds, rememberedSeconds) + marginSeconds;

const params = { endedAt: 'timestamptz' } as const;

const targets = {
  session: 'session_id::text, null::integer',
  user: 'user_id::text, auth_epoch',
  profile: 'user_id::text, null::integer',
  signing_key: 'kid, null::integer',
} as const;

/**
 * The CTE `announced`: one revocation for each row of the CTE `from`. Reads the row's `session_id` for a session,
 * `user_id` and the new `auth_epoch` for a user, `user_id` for a profile, `kid` for a signing key. The statement returns the same columns and
 * declares them in `after.revokes`.
 */
export function revocationsFragment(kind: keyof typeof targets, from: string): Fragment<typeof params> {
  const target = targets[kind];
  return {
    sql: `announced as (
      insert into revocations (kind, target, epoch, ended_at, expires_at)
      select '${kind}', ${target}, :endedAt, :endedAt::timestamptz + interval '${keptSeconds} seconds' from ${from})`,
    params,
  };
}
