/**
 * Mails that anybody may ask for by an address, since only whoever reads the mailbox gains by them: a link for a new
 * password, a link or a code that logs in. Owns no table: what is asked for is a one-time token and its mail.
 * Invariants: whoever asks is answered before anybody looks who has the address, so nothing about the answer depends on
 * it (DESIGN §5.13); the mail goes to the stored address; a link and its mail commit with their event, once for each time
 * that it was asked for.
 */

export { askedMailHandler, type PromiseAskedMail } from './job.ts';
export type { AskedMail } from './payload.ts';
export { type AskMail, askMail } from './request.ts';
