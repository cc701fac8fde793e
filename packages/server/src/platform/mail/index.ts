/**
 * How messages leave: SMTP behind a circuit breaker, or the development inbox. Owns no table; `domain/mail-ledger` says
 * which message goes to whom and what became of it.
 * Invariants: one message has one recipient; no text of ours becomes a header or a second recipient; an attempt that got
 * no answer is told apart by whether the end of the message may have been sent; what is kept of an answer holds no
 * address, link or secret.
 */
export { BreakingTransport } from './breaker.ts';
export { Inbox, type InboxMessage } from './inbox.ts';
export { type MailBody, renderBody } from './layout.ts';
export type { MailMessage, MailTransport, SendOutcome } from './message.ts';
export { parseSender } from './sender.ts';
export { Smtp, type SmtpOptions } from './smtp.ts';
export { parseSmtpUrl, type SmtpServer, type SmtpUrlResult } from './smtp-url.ts';
