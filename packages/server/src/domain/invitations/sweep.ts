import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

/** Expired invitations are kept for a week. */
const retentionSeconds = 7 * 24 * 60 * 60;

const deleteExpired = statement('invitations.delete_expired', {
  lane: 'pool',
  sql: `delete from invitations where id in (
    select id from invitations where expires_at < :before order by expires_at limit 10000)`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** Deletes invitations a week after their expiry, at most 10,000 at a time. Returns the number of deleted rows. */
export async function deleteExpiredInvitations(database: Database, now: Date): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds) });
}
