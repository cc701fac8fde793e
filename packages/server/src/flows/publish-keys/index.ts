/** The public signing keys. Owns `/.well-known/jwks.json` (RFC 7517 §5). */
import { jwksCacheSeconds, type SigningKeys } from '#domain/signing-keys/index.ts';
import { documentEndpoint, type Endpoint } from '#platform/http/index.ts';

/** The endpoints of this flow. */
export function publishKeysEndpoints(signingKeys: SigningKeys): readonly Endpoint[] {
  return [
    documentEndpoint({
      id: 'keys.jwks',
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'The public keys that verify our tokens',
      rateLimit: 'none',
      problems: [],
      contentType: 'application/jwk-set+json',
      openToCors: true,
      cacheSeconds: jwksCacheSeconds,
      handler: async () => ({ status: 200, body: JSON.stringify(signingKeys.jwks()) }),
    }),
  ];
}
