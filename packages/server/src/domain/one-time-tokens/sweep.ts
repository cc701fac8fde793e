/** Forgetting tokens a week after they expired; until then a dead link can be told from one that never was. */
import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

const keepSeconds = 7 * 24 * 60 * 60;

const deleteExpired = statement('one_time_tokens.delete_expired', {
  lane: 'pool',
  sql: `delete from one_time_tokens where id in (
    select id from one_time_tokens where expires_at < :before order by expires_at limit 10000)`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** A sweeping job calls it. Answers how many went. */
export async function deleteExpiredTokens(database: Database, now: Date): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -keepSeconds) });
}
