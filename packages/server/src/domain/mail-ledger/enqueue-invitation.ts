/** Enqueuing the one mail whose recipient is no user: it goes to the address of the invitation. */
import { type Queries, statement, type Values } from '#platform/database/index.ts';
import { mailJob } from './enqueue.ts';

const params = {
  mailId: 'uuid',
  mailInvitationId: 'uuid',
  mailTemplate: 'text',
  mailLocale: 'text',
  mailMessageId: 'text',
  mailNow: 'timestamptz',
  ...mailJob.params,
} as const;

const enqueue = statement('mail_ledger.enqueue_invitation', {
  lane: 'pool',
  sql: `with mailed as (
      insert into mail_ledger (id, invitation_id, template, locale, message_id, created_at)
      values (:mailId, :mailInvitationId, :mailTemplate, :mailLocale, :mailMessageId, :mailNow)
      returning id), ${mailJob.sql}
    select id from mailed`,
  params,
  columns: { id: 'uuid' },
  after: { wakesWorkers: true },
});

/** Enqueues it in the transaction of the invitation, from `MailLedger.invitationValues`. */
export async function enqueueInvitationMail(tx: Queries, values: Values<typeof params>): Promise<void> {
  await tx.rows(enqueue, values);
}
