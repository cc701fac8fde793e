/** Forgetting invitations a week after they expired. */
import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

const keepSeconds = 7 * 24 * 60 * 60;

const deleteExpired = statement('invitations.delete_expired', {
  lane: 'pool',
  sql: `delete from invitations where id in (
    select id from invitations where expires_at < :before order by expires_at limit 10000)`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** A sweeping job calls it. Answers how many went. */
export async function deleteExpiredInvitations(database: Database, now: Date): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -keepSeconds) });
}
