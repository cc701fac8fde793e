/**
 * Single-use things that are mailed: links, and codes that are typed. Owns `one_time_tokens`.
 * Invariants: `consume` is one UPDATE and the only way to use one (invariant 1); the secret is computed from the row's
 * id and never stored (invariant 15); a token dies by use, by expiry, by replacement, or with its user's epoch; one that is bound to a browser is used by
 * no other; a code is dead after five tries, each counted before it is compared.
 */
export { consume, consumeCode, findActive, type OneTimeToken, revokeLinksOfUser, revokeOthers } from './consume.ts';
export {
  type ChangeSide,
  changeSides,
  findPendingChange,
  type NewAddress,
  openNewAddress,
  type PendingChange,
  sealNewAddress,
  sideOf,
  stateOfOtherLink,
} from './email-change.ts';
export {
  insertTokenFragment,
  issueToken,
  OneTimeTokens,
  outlivesEpoch,
  type Purpose,
  tokenAssociatedData,
  tokenLifetimeSeconds,
} from './issue.ts';
export { deleteExpiredTokens } from './sweep.ts';
export { maxCodeTries, tryCodeFragment } from './try-code.ts';
