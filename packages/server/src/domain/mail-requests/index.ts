/**
 * Requests for a mail to an address, by clients that have not authenticated: a verification link, a link for a new
 * password, a link or a code that logs in. Owns the jobs `mail_requests.enqueue` and `mail_requests.enqueue_with_return`; no
 * tables and no routes: a request becomes a one-time token and its mail.
 *
 * Invariants:
 * - The response is sent before any statement reads whether a user has the address, so it does not depend on that
 *   (invariant 13).
 * - The mail goes to the stored address.
 * - A link and its mail commit with their event, once for each request.
 */

export type { MailRequestDeps } from './deps.ts';
export { mailRequestHandlers } from './job.ts';
export type { MailRequest } from './payload.ts';
export { type RequestMail, requestMail } from './request.ts';
