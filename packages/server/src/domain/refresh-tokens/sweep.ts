/** Deleting expired refresh tokens; until then their reuse must be detected. */
import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { type Database, statement } from '#platform/database/index.ts';

const deleteExpired = statement('refresh_tokens.delete_expired', {
  lane: 'pool',
  sql: `delete from refresh_tokens where hash in (
    select hash from refresh_tokens where expires_at < :now order by expires_at limit :limit offset :skip)`,
  params: { now: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Deletes expired tokens and returns how many; a sweeping job calls it. */
export async function deleteExpiredRefreshTokens(
  database: Database,
  now: Date,
  batch: Batch = wholeBatch,
): Promise<number> {
  return database.run(deleteExpired, { now, ...batch });
}
