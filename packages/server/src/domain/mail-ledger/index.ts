/**
 * Every message that an effect promised, from its commit to the SMTP server's answer. Owns `mail_ledger` and
 * `mail_attempts`.
 * Invariants: ledger row and job commit with the effect; the ledger holds the token's id and never its secret, the
 * parameters only under the user's key, and no body; a message goes to the stored address of its identifier, or to
 * the one that its link proves and carries, and to nothing else; an attempt is written before its first byte goes out,
 * so one that died is known to be in doubt; Message-ID and link are the same on every attempt; nothing is lost, and a
 * message can arrive twice only if the process or the connection died between the server's 250 and our row.
 */
export { type MailSending, type MailStatus, mailHandler } from './deliver.ts';
export { enqueueMail, enqueueMailFragment, isQueued, MailLedger, type QueuedMail } from './enqueue.ts';
export { enqueueInvitationMail } from './enqueue-invitation.ts';
export { forgetMails } from './forget.ts';
export { deleteFinishedMails } from './sweep.ts';
export type { MailParams, MailTemplate } from './templates.ts';
