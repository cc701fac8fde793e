/**
 * Identity providers (OpenID Connect, OAuth 2.0) that people can sign in with. Owns `identity_providers`; no routes.
 *
 * Invariants:
 * - No two providers have one issuer, and the issuer of a provider never changes: an identity is (issuer, subject).
 * - Secrets are encrypted under the data key `provider` and leave the process only for the provider's token endpoint.
 * - Every request goes through the outbound client (invariant 10), and none runs in a transaction.
 *
 * Must not decide what an identity leads to: the flows and the gate (`domain/authentication`) do.
 */
export {
  type IdentityProvider,
  type PresetName,
  type ProviderIdentity,
  type ProviderList,
  type ProviderLogin,
  ProviderRefusal,
  type ProviderRefusalKind,
  type ProviderRequests,
} from './provider.ts';
