/**
 * Refresh tokens (RFC 9700 §4.14.2). Owns `refresh_families` and `refresh_tokens`; no routes.
 *
 * For example, with a grace period of 10 s, tokens A → B → C of one family:
 *
 *  t =  0 s   A rotates to B = HMAC-SHA-256(rotation key, A); A is consumed at 0 s
 *  t =  4 s   A again, because the response was lost: the same B, with the same expiry
 *  t =  6 s   B rotates to C
 *  t =  7 s   A again, within the grace period, but B was used: rejected, and the family stays valid
 *  t = 12 s   A again, after the grace period: reuse, the session is ended and the user is notified
 *
 * Invariants:
 * - A successor is computed from the token that it replaces and never stored, so all concurrent uses of a token within
 *   the grace period return the same successor (invariant 5).
 * - A family ends with its session.
 * - A token that is used again after the grace period ends the session.
 */
export { insertFamilyFragment } from './family.ts';
export { type Refreshed, type RefreshRefusal, RefreshTokens } from './rotate.ts';
export { deleteExpiredRefreshTokens } from './sweep.ts';
