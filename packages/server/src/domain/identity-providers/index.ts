/**
 * Identity providers (OpenID Connect, OAuth 2.0) that people can sign in with. Owns `identity_providers`; no routes.
 *
 * Invariants:
 * - No two providers have one issuer, and the issuer of a provider never changes: an identity is (issuer, subject).
 * - Secrets are encrypted under the data key `provider` and leave the process only for the provider's token endpoint.
 * - Every request goes through the outbound client (invariant 10), within five seconds for a whole login, and none runs in a
 *   transaction.
 * - The issuer and the keys of a token are those of the row, never those that the token names.
 * - The signature of every ID token is verified. An email is proven only by a provider that is the authority for it.
 *
 * For example, the callback `?code=4/0A…&state=…&iss=https://accounts.google.com` of the provider `google`:
 *
 *     validateAuthResponse     state and `iss` are those of this login
 *     token endpoint           code and PKCE verifier → ID token
 *     ID token                 signature, iss, aud, azp, exp, nonce
 *     identity                 issuer https://accounts.google.com, subject 1184…, email proven since its domain is gmail.com
 *
 * Must not decide what an identity leads to: the flows and the gate (`domain/authentication`) do.
 */
export { providerTotalMs } from './call.ts';
export { ProviderClient, type ProviderClientDeps } from './client.ts';
export { type CheckedProvider, checkProvider, type NewProvider } from './new-provider.ts';
export { type Preset, presets } from './presets.ts';
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
export { describeProvider, IdentityProviders, providersRefreshSeconds, type StoredProvider } from './providers.ts';
export {
  changeProvider,
  insertProvider,
  isProviderEnabled,
  type ProviderManager,
  type ProviderValues,
  removeProvider,
  setProviderEnabled,
} from './rows.ts';
export { type ProviderSettings, providerSettings } from './settings.ts';
