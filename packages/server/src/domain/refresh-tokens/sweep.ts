/** Deleting expired refresh tokens; until then their reuse must be detected. */
import { type Database, statement } from '#platform/database/index.ts';

const deleteExpired = statement('refresh_tokens.delete_expired', {
  lane: 'pool',
  sql: `delete from refresh_tokens where hash in (
    select hash from refresh_tokens where expires_at < :now order by expires_at limit 10000)`,
  params: { now: 'timestamptz' },
  columns: {},
});

/** Deletes expired tokens and returns how many; a sweeping job calls it. */
export async function deleteExpiredRefreshTokens(database: Database, now: Date): Promise<number> {
  return database.run(deleteExpired, { now });
}
