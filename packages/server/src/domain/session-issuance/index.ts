/**
 * Handing out a session: its secrets and the values of its rows; the one way for a login
 * and for a session that goes on after a change; and the
 * end of a login, one statement for every way in. Owns no table: the rows belong to `sessions`, `refresh_families`,
 * `refresh_tokens` and `devices`.
 * Invariants: a session by cookie has no refresh token, one by tokens no cookie; a session that changes what its user
 * proves themselves with goes on as a new row with new secrets of the new epoch, on the same device, with the times at
 * which its factors were proven and the end that it had; every other session ends (invariant 4).
 */

export { type AccessToken, AccessTokens, type TokenSubject } from './access-tokens.ts';
export { type IssuedSession, type Issuers, issueSession, type SessionToIssue } from './issue.ts';
export { type ActingSession, findActing, renewSession } from './renew.ts';
