import { type Batch, wholeBatch } from '#kernel/batches.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Queries, statement } from '#platform/database/index.ts';

const retentionSeconds = 90 * 24 * 60 * 60;

const deleteFinished = statement('mail_ledger.delete_finished', {
  lane: 'pool',
  sql: `delete from mail_ledger where id in (
    select id from mail_ledger where finished_at < :before order by finished_at limit :limit offset :skip)`,
  params: { before: 'timestamptz', limit: 'int8', skip: 'int8' },
  columns: {},
});

/**
 * Deletes messages, with their attempts, 90 days after they finished.
 * Returns the number of deleted messages.
 */
export function deleteFinishedMails(queries: Queries, now: Date, batch: Batch = wholeBatch): Promise<number> {
  return queries.run(deleteFinished, { before: addSeconds(now, -retentionSeconds), ...batch });
}
