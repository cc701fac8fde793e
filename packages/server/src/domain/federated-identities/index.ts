/**
 * The accounts at identity providers that users sign in with. Owns `federated_identities`, `provider_logins` and
 * `pending_identities`; no routes.
 *
 * Invariants:
 * - An identity is (issuer, subject) and belongs to one user (invariant 6). Neither an email nor a name links it: only a
 *   session that asks for it, or the link of the registration that carries it, does.
 * - A login at a provider is completed once, by the browser that started it, at the provider that it was started for. The
 *   UPDATE that takes it compares all of these before any request leaves (invariant 1).
 * - Nonce and PKCE verifier are computed from the state, of which only the hash is stored: a copy of the database holds none.
 * - The last way in of a user is not unlinked. The user's lock orders two that are unlinked at once.
 * - The profile of an identity is encrypted under its user's key, that of a pending one under a secret of its browser.
 *
 * Must not make a request: the callers exchange the code between two statements of this module, outside of transactions.
 *
 * Example: browser b1 starts a login at `google` with state s. The row has SHA-256(s), `google` and SHA-256(b1). The callback
 * with s from b2, or at `github`, finds nothing; from b1 at `google` it finds the row once.
 */
export {
  type ConsumedIdentity,
  consumeIdentity,
  deleteIdentitiesSince,
  type FederatedIdentity,
  findIdentity,
  hasIdentities,
  type IdentityProfile,
  type IdentityUse,
  type LinkOutcome,
  linkIdentity,
  listIdentities,
  resumeIdentity,
  spendIdentityUse,
  suspendIdentities,
  unlinkIdentity,
} from './identities.ts';
export { hasOtherWayIn, type OtherWays } from './last-way-in.ts';
export { newNativeNonce, readNativeNonce } from './native-nonce.ts';
export {
  consumePendingIdentity,
  deleteExpiredPendingIdentities,
  findPendingIdentity,
  holdIdentity,
  type PendingIdentity,
} from './pending.ts';
export {
  type BrowserSecret,
  beginProviderLogin,
  deleteExpiredProviderLogins,
  type NewProviderLogin,
  newProviderLogin,
  type ProviderLoginPurpose,
  type StartedProviderLogin,
  type TakenProviderLogin,
  takeProviderLogin,
} from './provider-logins.ts';
