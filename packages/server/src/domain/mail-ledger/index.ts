/**
 * The mail ledger: every queued message, from the commit of its effect to the SMTP server's reply. Owns `mail_ledger`,
 * `mail_attempts` and the job `mail.send`; no routes.
 *
 * Invariants:
 * - The ledger row and the job commit with the effect, so no message is lost and none is sent for a rolled-back effect.
 * - The ledger stores the id of the token, never its secret, and no body. Parameters are encrypted under the user's key.
 * - A message is sent to the stored address of its identifier, to the address of its invitation, or to the new address in
 *   the payload of its link.
 * - An attempt is written as `sending` before its first byte is sent. One that a worker did not finish is `in_doubt`.
 * - `Message-ID`, date and link are the same in every attempt. A message can arrive twice only if the process or the
 *   connection failed between the server's 250 and the update of the attempt.
 *
 * Must not send within a transaction: only the job's handler calls the transport.
 */
export { composeMail, type MailFacts } from './compose.ts';
export { type MailSending, type MailStatus, mailHandler } from './deliver.ts';
export { enqueueMail, enqueueMailFragment, isQueued, MailLedger, type MailValues, type QueuedMail } from './enqueue.ts';
export { enqueueInvitationMail } from './enqueue-invitation.ts';
export { eraseMails, eraseVerificationMails } from './erase.ts';
export { mailExamples } from './examples.ts';
export { occasionOf } from './occasion.ts';
export { deleteFinishedMails } from './sweep.ts';
export { isMailTemplate, type MailParams, type MailTemplate, mailTemplates, type Occasion } from './templates.ts';
