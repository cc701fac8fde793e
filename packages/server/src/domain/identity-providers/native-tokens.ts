/** ID tokens that native applications got from a provider's own library and send to us. */
import { createHash } from 'node:crypto';
import type { JSONWebKeySet, JWTPayload } from 'jose';
import * as errors from 'jose/errors';
import { createLocalJWKSet } from 'jose/jwks/local';
import { jwtVerify } from 'jose/jwt/verify';
import { z } from 'zod';
import { type Clock, systemClock } from '#kernel/clock.ts';
import { boundedCache } from '#platform/bounded-cache/index.ts';
import { parseForeignHeader } from '#protocol/jose/index.ts';
import type { ProviderCall } from './call.ts';
import { identityOf } from './identity.ts';
import type { Preset } from './presets.ts';
import { type IdentityProvider, type ProviderIdentity, ProviderRefusal } from './provider.ts';
import { requireAudience, tenantIssuer } from './token-claims.ts';

const algorithms = ['RS256', 'ES256'];
const maxAgeSeconds = 600;
const toleranceSeconds = 30;
const lifetimeMs = 5 * 60 * 1000;
/** An unknown `kid` may be a new key. Anyone can send one, so it causes a request at most this often. */
const intervalMs = 30_000;

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });

interface KeySet {
  readonly jwks: Promise<JSONWebKeySet>;
  readonly readMs: number;
}

interface NativeToken {
  readonly idToken: string;
  readonly nonce: string;
  /** The address of the provider's JWK Set. Never one that the token names. */
  readonly keys: string;
  readonly call: ProviderCall;
}

export class NativeTokens {
  readonly #clock: Clock;
  readonly #keySets = boundedCache<string, KeySet>(1000);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Signature, issuer, audience, times and nonce. The caller spends the nonce. @throws ProviderRefusal */
  async verify(provider: IdentityProvider, preset: Preset, token: NativeToken): Promise<ProviderIdentity> {
    const refuse = (why: string) =>
      new ProviderRefusal('invalid', `identity provider ${provider.id}: ID token: ${why}`);
    if (!provider.acceptsNativeTokens) throw refuse('not accepted from native applications');
    const header = parseForeignHeader(token.idToken);
    if (header === null) throw refuse('malformed');
    const jwks = await this.#keySetFor(header.kid, token);
    const payload = await this.#verifySignature(token.idToken, jwks, refuse);
    if (payload.iss !== tenantIssuer(provider, payload)) throw refuse('foreign issuer');
    const { nativeClientIds, clientId } = provider.settings;
    requireAudience(provider, payload, nativeClientIds, [...nativeClientIds, clientId]);
    if (payload.nonce !== nonceIn(preset, token.nonce)) throw refuse('wrong nonce');
    return identityOf(provider, preset, { claims: payload, contact: payload });
  }

  async #verifySignature(idToken: string, jwks: JSONWebKeySet, refuse: (why: string) => ProviderRefusal) {
    try {
      const { payload } = await jwtVerify<JWTPayload>(idToken, createLocalJWKSet(jwks), {
        algorithms,
        currentDate: systemClock.now(),
        clockTolerance: toleranceSeconds,
        maxTokenAge: maxAgeSeconds,
        requiredClaims: ['exp', 'iat', 'sub'],
      });
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) throw refuse(error.code);
      throw error;
    }
  }

  async #keySetFor(kid: string, token: NativeToken): Promise<JSONWebKeySet> {
    const known = this.#keySets.get(token.keys);
    if (known === undefined || this.#ageMs(known) >= lifetimeMs) return this.#read(token, known);
    const jwks = await known.jwks;
    const isKnown = jwks.keys.some((key) => key.kid === kid);
    return isKnown || this.#ageMs(known) < intervalMs ? jwks : this.#read(token, known);
  }

  #ageMs({ readMs }: KeySet): number {
    return this.#clock.monotonicMs() - readMs;
  }

  /** Of concurrent callers that found the same stale entry one sends the request. */
  async #read({ keys, call }: NativeToken, stale: KeySet | undefined): Promise<JSONWebKeySet> {
    const current = this.#keySets.get(keys);
    if (current !== undefined && current !== stale) return current.jwks;
    const fresh: KeySet = { jwks: readKeySet(keys, call), readMs: this.#clock.monotonicMs() };
    this.#keySets.set(keys, fresh);
    try {
      return await fresh.jwks;
    } catch (error) {
      if (this.#keySets.get(keys) === fresh) this.#keySets.delete(keys);
      throw error;
    }
  }
}

/** Apple's library sends the hash of the nonce that the application asked for. */
function nonceIn({ nativeNonce }: Preset, nonce: string): string {
  return nativeNonce === 'sha256' ? createHash('sha256').update(nonce).digest('hex') : nonce;
}

async function readKeySet(address: string, call: ProviderCall): Promise<JSONWebKeySet> {
  const parsed = keySetSchema.safeParse(await call.readPublicJson(address));
  if (!parsed.success) throw call.unavailable('its JWK Set is malformed');
  return parsed.data;
}
