import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

/** Expired tokens are kept for a week, so that an operator can find out why a link was rejected. */
const retentionSeconds = 7 * 24 * 60 * 60;

const deleteExpired = statement('one_time_tokens.delete_expired', {
  lane: 'pool',
  sql: `delete from one_time_tokens where id in (
    select id from one_time_tokens where expires_at < :before order by expires_at limit 10000)`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** Deletes tokens a week after their expiry, at most 10,000 at a time. Returns the number of deleted tokens. */
export async function deleteExpiredTokens(database: Database, now: Date): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds) });
}
