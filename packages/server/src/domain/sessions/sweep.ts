/** Forgetting sessions that ended or expired; a week later nothing can refer to them. */
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

/** A sweeping job calls it. Families and refresh tokens go with their session. Answers how many sessions went. */
export async function deleteEndedSessions(database: Database, now: Date): Promise<number> {
  return database.run(deleteDead, { before: addSeconds(now, -keepSeconds) });
}
