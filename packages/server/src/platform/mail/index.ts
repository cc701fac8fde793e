/**
 * Mail transports: SMTP behind a circuit breaker, or the development inbox. `domain/mail-ledger` decides what is sent and
 * records each attempt.
 * Invariants: a message has exactly one recipient; no field can inject a header or another recipient; when the connection
 * is lost, the outcome is `failed` before the end of the message was sent, and `in_doubt` after; a recorded SMTP reply
 * contains no address, link or secret.
 */
export { BreakingTransport } from './breaker.ts';
export { Inbox, type InboxMessage } from './inbox.ts';
export { type MailBody, type MailColors, type MailTheme, renderBody } from './layout.ts';
export type { MailMessage, MailTransport, SendOutcome } from './message.ts';
export { Smtp, type SmtpOptions, smtpLimits } from './smtp.ts';
export type { SmtpServer } from './smtp-server.ts';
