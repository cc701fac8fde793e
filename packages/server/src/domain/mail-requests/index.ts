/**
 * Mails that anybody may ask for by an address, since only whoever reads the mailbox gains by them: a link for a new
 * password, a link or a code that logs in. Owns no table: what is asked for is a one-time token and its mail.
 * Invariants: whoever asks is answered before anybody looks who has the address, so nothing about the answer depends on
 * it (invariant 13); the mail goes to the stored address; a link and its mail commit with their event, once for each time
 * that it was asked for.
 */

export type { MailRequestDeps } from './deps.ts';
export { mailRequestHandler } from './job.ts';
export type { MailRequest } from './payload.ts';
export { type RequestMail, requestMail } from './request.ts';
