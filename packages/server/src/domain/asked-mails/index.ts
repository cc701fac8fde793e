/**
 * Mails that anybody may ask for by an address, since only whoever reads the mailbox gains by them: a link for a new
 * password, a link or a code that logs in. Owns no table: what is asked for is a one-time token and its mail.
 * Invariants: whoever asks gets the same answer for the same work whether the address is absent, unverified, active,
 * disabled or closing (DESIGN §5.13); the mail goes to the stored address; a link and its mail commit with their event.
 */
export { type AskedMail, type AskMail, askMail } from './ask.ts';
