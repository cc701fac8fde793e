/** What of a person's mails goes when the person is erased. */
import { type Queries, statement } from '#platform/database/index.ts';

const forget = statement('mail_ledger.forget_user', {
  lane: 'pool',
  sql: `update mail_ledger set sealed_params = null,
      state = case when state = 'queued' then 'dropped' else state end, finished_at = coalesce(finished_at, :now)
    where user_id = :userId
    returning id`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const forgetAttempts = statement('mail_attempts.forget', {
  lane: 'pool',
  sql: `delete from mail_attempts where mail_id = any(:mailIds::uuid[])`,
  params: { mailIds: 'uuid[]' },
  columns: {},
});

/**
 * Leaves of the person's mails which they were and when; in the transaction that erases the person.
 * The dialogues with the SMTP server go whole, since servers like to repeat the address.
 * A mail that waits is dropped, and a worker that is sending one finds no attempt to write its answer to.
 */
export async function forgetMails(tx: Queries, userId: string, now: Date): Promise<void> {
  const mailIds = (await tx.rows(forget, { userId, now })).map(({ id }) => id);
  await tx.run(forgetAttempts, { mailIds });
}
