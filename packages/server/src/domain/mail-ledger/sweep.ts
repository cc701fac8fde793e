import { addSeconds } from '#kernel/clock.ts';
import { type Queries, statement } from '#platform/database/index.ts';

const retentionSeconds = 90 * 24 * 60 * 60;

const deleteFinished = statement('mail_ledger.delete_finished', {
  lane: 'pool',
  sql: `delete from mail_ledger where id in (
    select id from mail_ledger where finished_at < :before order by finished_at limit 10000)`,
  params: { before: 'timestamptz' },
  columns: {},
});

/**
 * Deletes messages, with their attempts, 90 days after they finished, at most 10,000 at a time.
 * Returns the number of deleted messages.
 */
export function deleteFinishedMails(queries: Queries, now: Date): Promise<number> {
  return queries.run(deleteFinished, { before: addSeconds(now, -retentionSeconds) });
}
