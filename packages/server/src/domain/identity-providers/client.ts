/** The requests to identity providers, and the checks of what they return. */
import type * as OAuth from 'oauth4webapi';
import { present } from '#kernel/assert.ts';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import type { Outbound } from '#platform/outbound/index.ts';
import { readDestination } from '#protocol/outbound-url/index.ts';
import { appleClientSecret } from './apple-secret.ts';
import { ProviderCall } from './call.ts';
import type { Claims } from './email-proof.ts';
import { identityOf } from './identity.ts';
import { NativeTokens } from './native-tokens.ts';
import { presets as ours, type Preset } from './presets.ts';
import { readProfile } from './profile.ts';
import {
  type IdentityProvider,
  type PresetName,
  type ProviderIdentity,
  type ProviderLogin,
  ProviderRefusal,
  type ProviderRequests,
} from './provider.ts';
import { refusalOf } from './refusals.ts';
import { oauth2Endpoints, ServerMetadata } from './server-metadata.ts';
import { hasTenants, issuerOfTenant, requireAudience } from './token-claims.ts';

export interface ProviderClientDeps {
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** The client secret or Apple's key; undefined for a public client. */
  readonly secretOf: (provider: IdentityProvider) => string | undefined;
  readonly production: boolean;
  /** Tests replace them to reach their own servers. */
  readonly presets?: Readonly<Record<PresetName, Preset>>;
}

/** One login at one provider. */
interface Exchange {
  readonly provider: IdentityProvider;
  readonly preset: Preset;
  readonly call: ProviderCall;
  readonly oauth: typeof OAuth;
  readonly server: OAuth.AuthorizationServer;
  readonly client: OAuth.Client;
  readonly secret: string | undefined;
}

const clockToleranceSeconds = 30;

type Callback = ProviderLogin & { readonly callback: URLSearchParams };

/**
 * Verifies every ID token's signature, also of the code flow, where OpenID Connect Core §3.1.3.7 lets TLS replace it.
 * Times of tokens are compared with the machine's clock: providers do not know that ours was moved.
 */
export class ProviderClient implements ProviderRequests {
  readonly #deps: ProviderClientDeps;
  readonly #metadata: ServerMetadata;
  readonly #native: NativeTokens;
  /** Keys of providers by the address of their JWK Set. oauth4webapi reads them again after five minutes. */
  readonly #keys = boundedCache<string, OAuth.JWKSCacheInput>(1000);

  constructor(deps: ProviderClientDeps) {
    this.#deps = deps;
    this.#metadata = new ServerMetadata(deps.clock);
    this.#native = new NativeTokens(deps.clock);
  }

  authorizationUrl(provider: IdentityProvider, login: ProviderLogin): Promise<URL> {
    return this.#with(provider, async ({ preset, server, oauth }) => {
      const { settings } = provider;
      const url = this.#browserUrl(provider, present(server.authorization_endpoint, 'the authorization endpoint'));
      const set = (name: string, value: string) => url.searchParams.set(name, value);
      set('response_type', 'code');
      set('client_id', settings.clientId);
      set('redirect_uri', login.redirectUri);
      set('scope', (settings.scopes ?? preset.scopes).join(' '));
      set('state', login.state);
      if (preset.usesNonce) set('nonce', login.nonce);
      if (preset.usesPkce) {
        set('code_challenge', await oauth.calculatePKCECodeChallenge(login.verifier));
        set('code_challenge_method', 'S256');
      }
      if (provider.responseMode === 'form_post') set('response_mode', 'form_post');
      return url;
    });
  }

  exchange(provider: IdentityProvider, login: Callback): Promise<ProviderIdentity> {
    return this.#with(provider, (exchange) =>
      provider.kind === 'oidc' ? this.#exchangeOidc(exchange, login) : this.#exchangeOAuth2(exchange, login),
    );
  }

  verifyNativeIdToken(
    provider: IdentityProvider,
    token: { readonly idToken: string; readonly nonce: string },
  ): Promise<ProviderIdentity> {
    return this.#with(provider, ({ preset, server, call }) =>
      this.#native.verify(provider, preset, { ...token, keys: present(server.jwks_uri, 'the JWK Set'), call }),
    );
  }

  /** Reads what a login needs: the discovery document and the keys. @throws ProviderRefusal */
  probe(provider: IdentityProvider): Promise<{ readonly authorizationEndpoint: string }> {
    return this.#with(provider, async ({ server, call }) => {
      const url = this.#browserUrl(provider, present(server.authorization_endpoint, 'the authorization endpoint'));
      if (server.jwks_uri !== undefined) await call.readPublicJson(server.jwks_uri);
      return { authorizationEndpoint: url.href };
    });
  }

  async #with<T>(provider: IdentityProvider, work: (exchange: Exchange) => Promise<T>): Promise<T> {
    // 4 ms of CPU, and most deployments have no provider.
    const oauth = await import('oauth4webapi');
    const preset = (this.#deps.presets ?? ours)[provider.preset];
    const call = new ProviderCall(this.#deps, provider);
    try {
      const server = await this.#metadata.of(provider, preset, call);
      const client = { client_id: provider.settings.clientId, [oauth.clockTolerance]: clockToleranceSeconds };
      const secret = this.#deps.secretOf(provider);
      return await work({ provider, preset, call, oauth, server, client, secret });
    } catch (error) {
      throw refusalOf(error, provider, oauth) ?? error;
    }
  }

  async #exchangeOidc(exchange: Exchange, login: Callback): Promise<ProviderIdentity> {
    const { provider, preset, oauth, server, client } = exchange;
    // The tenant of the ID token is verified instead: the callback could only name the tenant's own issuer.
    const callback = hasTenants(provider) ? withoutIssuer(login.callback) : login.callback;
    const response = await this.#redeem(exchange, login, callback);
    const issuing = { ...server, issuer: await issuerOfTenant(provider, response.clone()) };
    const tokens = await oauth.processAuthorizationCodeResponse(issuing, client, response, {
      requireIdToken: true,
      ...(preset.usesNonce ? { expectedNonce: login.nonce } : {}),
    });
    const keys = this.#keysOf(present(server.jwks_uri, 'the JWK Set'));
    const options = { ...this.#optionsOf(exchange), [oauth.jwksCache]: keys };
    await oauth.validateApplicationLevelSignature(issuing, response, options);
    const claims: Claims = { ...present(oauth.getValidatedIdTokenClaims(tokens), 'the claims of the ID token') };
    requireAudience(provider, claims, [provider.settings.clientId]);
    const contact = await this.#contactOf(exchange, claims, tokens.access_token);
    return identityOf(provider, preset, { claims, contact });
  }

  /** Some providers leave the email out of the ID token. The UserInfo response must be about the same subject. */
  async #contactOf(exchange: Exchange, claims: Claims, accessToken: string): Promise<Claims> {
    const { oauth, server, client } = exchange;
    if (claims.email !== undefined || server.userinfo_endpoint === undefined) return claims;
    const response = await oauth.userInfoRequest(server, client, accessToken, this.#optionsOf(exchange));
    return { ...(await oauth.processUserInfoResponse(server, client, String(claims.sub), response)) };
  }

  async #exchangeOAuth2(exchange: Exchange, login: Callback): Promise<ProviderIdentity> {
    const { provider, preset, oauth, client, server, call, secret } = exchange;
    const { profile: source, responseIssuer } = oauth2Endpoints(provider, preset);
    const callback = responseIssuer === undefined ? withoutIssuer(login.callback) : login.callback;
    const response = await this.#redeem(exchange, login, callback);
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response);
    return readProfile(provider, { preset, source }, { call, accessToken: tokens.access_token, secret });
  }

  #redeem(exchange: Exchange, login: Callback, callback: URLSearchParams): Promise<Response> {
    const { preset, oauth, server, client } = exchange;
    const parameters = oauth.validateAuthResponse(server, client, callback, login.state);
    const verifier = preset.usesPkce ? login.verifier : oauth.nopkce;
    return oauth.authorizationCodeGrantRequest(
      server,
      client,
      this.#authenticationOf(exchange),
      parameters,
      login.redirectUri,
      verifier,
      this.#optionsOf(exchange),
    );
  }

  #authenticationOf({ provider, preset, oauth, server, secret }: Exchange): OAuth.ClientAuth {
    const { settings, issuer } = provider;
    if (secret === undefined) return oauth.None();
    if (preset.clientAuthentication === 'signed') {
      const apple = present(settings.apple, 'the key of the client secret');
      const now = systemClock.now();
      const signed = appleClientSecret({ clientId: settings.clientId, ...apple }, secret, { issuer, now });
      return oauth.ClientSecretPost(signed);
    }
    if (preset.clientAuthentication === 'post') return oauth.ClientSecretPost(secret);
    // Without an announcement, `client_secret_basic` is what a server supports (OpenID Connect Discovery §3).
    const supported = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const announced = supported.includes('client_secret_basic') ? 'basic' : 'post';
    const isBasic = (settings.clientAuthentication ?? announced) === 'basic';
    return isBasic ? oauth.ClientSecretBasic(secret) : oauth.ClientSecretPost(secret);
  }

  /** The outbound client decides about addresses and about http. */
  #optionsOf({ oauth, call, provider }: Exchange) {
    return { [oauth.customFetch]: call.fetch, [oauth.allowInsecureRequests]: provider.settings.allowPrivate };
  }

  #keysOf(address: string): OAuth.JWKSCacheInput {
    const known = this.#keys.get(address);
    if (known !== undefined) return known;
    const fresh: OAuth.JWKSCacheInput = {};
    this.#keys.set(address, fresh);
    return fresh;
  }

  /** The address that a browser will open: no script, no file, and http only where the outbound client allows it. */
  #browserUrl({ id, settings }: IdentityProvider, address: string): URL {
    const { production } = this.#deps;
    const destination = readDestination(address, { allowPrivate: settings.allowPrivate, production });
    if (destination.kind === 'destination') return new URL(destination.url);
    throw new ProviderRefusal('unavailable', `identity provider ${id}: authorization endpoint: ${destination.reason}`);
  }
}

/** The callback without the parameter of RFC 9207, for a provider that is known by its callback path alone. */
function withoutIssuer(callback: URLSearchParams): URLSearchParams {
  const rest = new URLSearchParams(callback);
  rest.delete('iss');
  return rest;
}
