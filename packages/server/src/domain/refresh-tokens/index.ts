/**
 * Refresh tokens (RFC 9700 §4.14.2). Owns `refresh_families` and `refresh_tokens`.
 * Invariants: a successor is computed from the token it replaces, never stored, so that everybody who presents one
 * token within the grace gets the same successor and a lost answer can be asked for again (invariant 5); a family dies
 * with its session; a token that is used again after the grace ends the session.
 */
export { insertFamilyFragment } from './family.ts';
export { type Refreshed, type RefreshRefusal, RefreshTokens } from './rotate.ts';
export { deleteExpiredRefreshTokens } from './sweep.ts';
