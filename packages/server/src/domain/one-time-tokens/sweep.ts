import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';

/** Expired tokens are kept for a week, so that an operator can find out why a link was rejected. */
const retentionSeconds = 7 * 24 * 60 * 60;

const deleteExpired = statement('one_time_tokens.delete_expired', {
  lane: 'pool',
  sql: `delete from one_time_tokens where id in (
    select id from one_time_tokens where expires_at < :before order by expires_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/** Deletes tokens a week after their expiry. Returns the number of deleted tokens. */
export async function deleteExpiredTokens(database: Database, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return database.run(deleteExpired, { before: addSeconds(now, -retentionSeconds), ...batch });
}
