/** Forgetting mails that came to their end long ago. */
import { addSeconds } from '#kernel/clock.ts';
import { type Queries, statement } from '#platform/database/index.ts';

const keepSeconds = 90 * 24 * 60 * 60;

const deleteFinished = statement('mail_ledger.delete_finished', {
  lane: 'pool',
  sql: `delete from mail_ledger where id in (
    select id from mail_ledger where finished_at < :before order by finished_at limit 10000)`,
  params: { before: 'timestamptz' },
  columns: {},
});

/** A sweeping job calls it; mails are kept 90 days after their end. Answers how many went, with their attempts. */
export function deleteFinishedMails(queries: Queries, now: Date): Promise<number> {
  return queries.run(deleteFinished, { before: addSeconds(now, -keepSeconds) });
}
