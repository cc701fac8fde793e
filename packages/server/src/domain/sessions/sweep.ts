/** Deleting sessions a week after they ended or expired; nothing refers to them then. */
import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

const keepSeconds = 7 * 24 * 60 * 60;

const deleteDead = statement('sessions.delete_dead', {
  lane: 'pool',
  sql: `delete from sessions where id in (
    (select id from sessions where expires_at < :before order by expires_at limit 5000)
    union (select id from sessions where idle_expires_at < :before order by idle_expires_at limit 5000)
    union (select id from sessions where ended_at < :before order by ended_at limit 5000))`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** Deletes them with their families and refresh tokens, and returns how many; a sweeping job calls it. */
export async function deleteEndedSessions(database: Database, now: Date): Promise<number> {
  return database.run(deleteDead, { before: addSeconds(now, -keepSeconds) });
}
