import { type Queries, statement } from '#platform/database/index.ts';

const eraseLedgerRows = statement('mail_ledger.erase_user', {
  lane: 'pool',
  sql: `update mail_ledger set sealed_params = null,
      state = case when state = 'queued' then 'dropped' else state end, finished_at = coalesce(finished_at, :now)
    where user_id = :userId
    returning id`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: { id: 'uuid' },
});

const deleteAttempts = statement('mail_attempts.erase', {
  lane: 'pool',
  sql: `delete from mail_attempts where mail_id = any(:mailIds::uuid[])`,
  params: { mailIds: 'uuid[]' },
  columns: {},
});

/**
 * Erases a user's messages, in the transaction that erases the user. The template and times of each message remain.
 * Attempts are deleted entirely, because SMTP replies often repeat the address. A queued message is dropped. A worker that
 * is sending one finds no attempt to record the reply in.
 */
export async function eraseMails(tx: Queries, userId: string, now: Date): Promise<void> {
  const mailIds = (await tx.rows(eraseLedgerRows, { userId, now })).map(({ id }) => id);
  await tx.run(deleteAttempts, { mailIds });
}

const eraseVerifications = statement('mail_ledger.erase_verifications', {
  lane: 'pool',
  sql: `update mail_ledger set sealed_params = null,
      state = case when state = 'queued' then 'dropped' else state end, finished_at = coalesce(finished_at, :now)
    where user_id = :userId and template = 'verify_email' and sealed_params is not null`,
  params: { userId: 'uuid', now: 'timestamptz' },
  columns: {},
});

/** Erases the names in a user's verification mails and drops those that are queued. Call it when the address is verified. */
export async function eraseVerificationMails(tx: Queries, userId: string, now: Date): Promise<void> {
  await tx.run(eraseVerifications, { userId, now });
}
