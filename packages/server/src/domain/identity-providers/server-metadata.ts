/** The endpoints of a provider: constant for OAuth 2.0, from the discovery document for OpenID Connect. */
import type { AuthorizationServer } from 'oauth4webapi';
import { z } from 'zod';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import type { ProviderCall } from './call.ts';
import type { OAuth2Endpoints, Preset } from './presets.ts';
import type { IdentityProvider } from './provider.ts';

const lifetimeMs = 60 * 60 * 1000;

/** Signatures that count. Those with a shared secret (`HS256`) would let the provider's other clients sign. */
const signatures = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

const endpoint = z.string().max(2048).refine(URL.canParse);
const names = z.array(z.string().max(100)).max(100);

/** The members that are used (OpenID Connect Discovery 1.0 §3). Others, such as aliases of endpoints, are dropped. */
const documentSchema = z.object({
  issuer: z.string().max(2048),
  authorization_endpoint: endpoint,
  token_endpoint: endpoint,
  jwks_uri: endpoint,
  userinfo_endpoint: endpoint.optional(),
  token_endpoint_auth_methods_supported: names.optional(),
  id_token_signing_alg_values_supported: names.optional(),
  authorization_response_iss_parameter_supported: z.boolean().optional(),
});

interface Discovered {
  readonly server: Promise<AuthorizationServer>;
  readonly untilMs: number;
}

/** Discovery documents, each read at most once an hour. */
export class ServerMetadata {
  readonly #clock: Clock;
  readonly #discovered = boundedCache<string, Discovered>(1000);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws ProviderRefusal when there is no usable document. */
  async of(provider: IdentityProvider, preset: Preset, call: ProviderCall): Promise<AuthorizationServer> {
    if (provider.kind === 'oauth2') return constantMetadata(provider, oauth2Endpoints(provider, preset));
    // Another issuer or rule under the same name is another provider.
    const key = JSON.stringify([provider.id, provider.issuer, provider.settings.allowPrivate]);
    const known = this.#discovered.get(key);
    const nowMs = this.#clock.monotonicMs();
    if (known !== undefined && nowMs < known.untilMs) return known.server;
    const found = { server: discover(provider, preset, call), untilMs: nowMs + lifetimeMs };
    this.#discovered.set(key, found);
    try {
      return await found.server;
    } catch (error) {
      if (this.#discovered.get(key) === found) this.#discovered.delete(key);
      throw error;
    }
  }
}

/** The endpoints of an OAuth 2.0 provider: of its preset, or of its settings. */
export function oauth2Endpoints({ settings }: IdentityProvider, preset: Preset): OAuth2Endpoints {
  if (preset.oauth2 !== undefined) return preset.oauth2;
  const { authorization, token, profile } = present(settings.endpoints, 'the endpoints of the provider');
  const { subject, email, name } = settings.members;
  return { authorization, token, profile: { url: profile, subject, email, names: [name] } };
}

function constantMetadata({ issuer }: IdentityProvider, endpoints: OAuth2Endpoints): AuthorizationServer {
  return {
    issuer: endpoints.responseIssuer ?? issuer,
    authorization_endpoint: endpoints.authorization,
    token_endpoint: endpoints.token,
  };
}

async function discover(provider: IdentityProvider, preset: Preset, call: ProviderCall): Promise<AuthorizationServer> {
  const base = (preset.discovery ?? provider.issuer).replace(/\/$/, '');
  const parsed = documentSchema.safeParse(await call.readPublicJson(`${base}/.well-known/openid-configuration`));
  if (!parsed.success) throw call.unavailable('its discovery document is malformed');
  const { id_token_signing_alg_values_supported: announced = ['RS256'], ...document } = parsed.data;
  // Compared as text: `https://idp.example` and `https://idp.example/` would be two providers of the same identities.
  if (document.issuer !== provider.issuer) throw call.unavailable('its discovery document names another issuer');
  const accepted = announced.filter((name) => signatures.includes(name));
  return withoutUndefined({ ...document, id_token_signing_alg_values_supported: accepted });
}

function withoutUndefined(server: { readonly issuer: string; readonly [name: string]: unknown }): AuthorizationServer {
  const entries = Object.entries(server).filter(([, value]) => value !== undefined);
  return { issuer: server.issuer, ...Object.fromEntries(entries) };
}
