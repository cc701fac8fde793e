/**
 * Session issuance: the secrets and row values of a new session, its access tokens, and the renewal of a session after a
 * change that revokes all others. Owns no table and no routes: the rows belong to `sessions`, `refresh_families`,
 * `refresh_tokens` and `devices`.
 *
 * Invariants:
 * - A session by cookie has no refresh token, one by tokens has no cookie.
 * - A session that changes its user's credentials is renewed: a new row with new secrets in the new epoch, on the same
 *   device, with the same factor times and the same end (invariant 20). Every other session of the user is revoked
 *   (invariant 4).
 * - An access token names its session (`sid`), so that revoking the session revokes the token.
 *
 * Must not begin a session: only the gate does (`domain/authentication`).
 */

export { type AccessToken, AccessTokens, type TokenSubject } from './access-tokens.ts';
export { type IssuedSession, type Issuers, issueSession, type SessionToIssue } from './issue.ts';
export { type ActingSession, findActing, type RenewedContext, renewSession } from './renew.ts';
