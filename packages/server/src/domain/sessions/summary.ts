/** A summary of a user's sessions, for operators. */
import { type Queries, statement } from '#platform/database/index.ts';
import { sessionIsActive } from './session.ts';

const summarize = statement('sessions.summarize', {
  lane: 'pool',
  sql: `select (count(*) filter (where ${sessionIsActive}))::integer as live, max(s.created_at) as last_login_at
    from sessions s join users u on u.id = s.user_id
    where s.user_id = :userId`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { live: 'int4', lastLoginAt: 'timestamptz?' },
});

/** The number of active sessions, and the creation of the newest one that is still stored. */
export async function summarizeSessions(
  queries: Queries,
  userId: string,
  now: Date,
): Promise<{ readonly live: number; readonly lastLoginAt: Date | null }> {
  return (await queries.row(summarize, { userId, now })) ?? { live: 0, lastLoginAt: null };
}
