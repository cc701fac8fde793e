/** An identity provider as it is configured, and what it asserts about a person. */
import type { ProviderSettings } from './settings.ts';

/** A provider with its own rules (`presets.ts`), or a generic one. */
export type PresetName =
  | 'google'
  | 'apple'
  | 'microsoft'
  | 'gitlab'
  | 'linkedin'
  | 'slack'
  | 'github'
  | 'discord'
  | 'facebook'
  | 'oidc'
  | 'oauth2';

/** A provider as it is configured; secrets are not in it. */
export interface IdentityProvider {
  /** As in the path of its callback: `/login/with/{id}/callback`. */
  readonly id: string;
  /** As people read it. */
  readonly name: string;
  readonly preset: PresetName;
  readonly kind: 'oidc' | 'oauth2';
  /** Identities are of this issuer. It never changes. */
  readonly issuer: string;
  /** Whether the provider sends the browser to the callback by GET, or by a cross-site POST. */
  readonly responseMode: 'query' | 'form_post';
  readonly enabled: boolean;
  readonly settings: ProviderSettings;
  /** Whether native applications can log in with its ID tokens. */
  readonly acceptsNativeTokens: boolean;
}

/** The provider's assertion about the person, after every check. */
export interface ProviderIdentity {
  /** That of the provider. */
  readonly issuer: string;
  readonly subject: string;
  /** `proven`: the provider is the authority for the address and has verified it. */
  readonly email: { readonly address: string; readonly proven: boolean } | undefined;
  readonly name: string | undefined;
  /** `two` only if the provider asserts two factors and its setting trusts that. */
  readonly strength: 'one' | 'two';
}

/** The parameters of one login that both its request and its callback need. */
export interface ProviderLogin {
  readonly state: string;
  readonly nonce: string;
  /** The PKCE code verifier (RFC 7636). */
  readonly verifier: string;
  readonly redirectUri: string;
}

/**
 * `denied`: the person or the provider declined. `unavailable`: no usable response in time. `invalid`: a response that
 * failed a check.
 */
export type ProviderRefusalKind = 'denied' | 'unavailable' | 'invalid';

/** The provider did not identify the person. The message is for the log. */
export class ProviderRefusal extends Error {
  override name = 'ProviderRefusal';
  readonly kind: ProviderRefusalKind;

  constructor(kind: ProviderRefusalKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** The providers of this deployment, as this process last read them. */
export interface ProviderList {
  /** By name. */
  enabled(): readonly IdentityProvider[];
  /** Reads the providers again before it treats one as unknown or disabled: another node may have added or enabled it. */
  findEnabled(id: string): Promise<IdentityProvider | undefined>;
  /** A disabled one too. */
  byId(id: string): IdentityProvider | undefined;
}

/** The requests to a provider. None may run in a transaction. */
export interface ProviderRequests {
  /** The address at the provider that starts a login. @throws ProviderRefusal `unavailable`. */
  authorizationUrl(provider: IdentityProvider, login: ProviderLogin): Promise<URL>;
  /** Verifies a callback and redeems its code. @throws ProviderRefusal */
  exchange(
    provider: IdentityProvider,
    login: ProviderLogin & { readonly callback: URLSearchParams },
  ): Promise<ProviderIdentity>;
  /** Verifies an ID token that a native application got. @throws ProviderRefusal */
  verifyNativeIdToken(
    provider: IdentityProvider,
    token: { readonly idToken: string; readonly nonce: string },
  ): Promise<ProviderIdentity>;
}
