/**
 * One-time tokens: the rows behind mailed links and codes. Owns `one_time_tokens`; no routes.
 *
 * Invariants:
 * - `consume` and `consumeCode` are one UPDATE and the only way to use a token (invariant 1).
 * - The secret is computed from the row's id when the mail is rendered, and only its hash is stored (invariant 15).
 * - A token becomes inactive by use, expiry, revocation, a higher epoch of its user (except `outlivesEpoch`) or a disabled
 *   user.
 * - A token that is bound to a browser can only be used with that browser's secret.
 * - A code allows five tries, and each is counted before the code is compared (invariant 2).
 * - A verification link has a code beside it, in the same row: when the one is used, the other is too. The code works only
 *   with the ticket of its registration, and after five tries not at all, while the link still does.
 *
 * A token must not be found first and consumed later: `findActive` is only for displaying a page.
 *
 * Example: the row has `id` = 0197…, `purpose` = `reset_password` and `key_id` = the current key `link`. The mailed secret
 * is HMAC-SHA-256(key `link`, "0197…:reset_password"), the same at every rendering, and `hash` is its SHA-256.
 */
export {
  type ActiveToken,
  consume,
  consumeCode,
  erasePayloads,
  findActive,
  findUsed,
  type OneTimeToken,
  revokeLinksOfUser,
  revokeOthers,
  type UsedToken,
} from './consume.ts';
export {
  type ChangeSide,
  changeSides,
  findPendingChange,
  type NewAddress,
  openNewAddress,
  otherLinkState,
  type PendingChange,
  sealNewAddress,
  sideOf,
} from './email-change.ts';
export {
  deviceAssociatedData,
  insertTokenFragment,
  issueToken,
  OneTimeTokens,
  outlivesEpoch,
  type Purpose,
  tokenAssociatedData,
  tokenLifetimeSeconds,
  verificationCode,
} from './issue.ts';
export { openReturnAddress, sealReturnAddress } from './return-address.ts';
export { deleteExpiredTokens } from './sweep.ts';
export { maxCodeTries, type TriedCode, tryCodeFragment, tryCodeOfRegistration } from './try-code.ts';
