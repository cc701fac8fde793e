/** Announcing an ending, as a fragment of the effect's statement. */
import { addSeconds } from '#kernel/clock.ts';
import type { Fragment } from '#platform/database/index.ts';

/** How long a node may remember a session without reading it again; an ending outlives that. */
export const rememberedSeconds = 300;

const marginSeconds = 60;

/** The longest lifetime of an access token that a client may have. */
export const longestAccessTokenSeconds = 3600;

/** Until when an ending must be known: the end of the longest thing that it can concern, and a margin for clocks. */
export function revocationExpiry(endedAt: Date, accessTokenLifetimeSeconds: number): Date {
  return addSeconds(endedAt, Math.max(accessTokenLifetimeSeconds, rememberedSeconds) + marginSeconds);
}

const params = { endedAt: 'timestamptz', revocationExpiresAt: 'timestamptz' } as const;

const targets = {
  session: 'session_id::text, null::integer',
  user: 'user_id::text, auth_epoch',
  signing_key: 'kid, null::integer',
} as const;

/**
 * The CTE `announced`: one ending for each row of the CTE `from`.
 * `session` takes the row's `session_id`; `user` takes its `user_id` and its new `auth_epoch`; `signing_key` its `kid`.
 */
export function revocationsFragment(kind: keyof typeof targets, from: string): Fragment<typeof params> {
  const target = targets[kind];
  return {
    sql: `announced as (
      insert into revocations (kind, target, epoch, ended_at, expires_at)
      select '${kind}', ${target}, :endedAt, :revocationExpiresAt from ${from})`,
    params,
  };
}
