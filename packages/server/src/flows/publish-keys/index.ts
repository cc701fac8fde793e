/**
 * Publication of the public signing keys. Owns `/.well-known/jwks.json` (RFC 7517 §5); no tables.
 * Must not publish private members, and must not query the database: resource servers request the keys often.
 */
import { jwksCacheSeconds, type SigningKeys } from '#domain/signing-keys/index.ts';
import { documentEndpoint, type Endpoint } from '#platform/http/index.ts';

export function publishKeysEndpoints(signingKeys: SigningKeys): readonly Endpoint[] {
  const serialize = cachedSerializer();
  return [
    documentEndpoint({
      id: 'keys.jwks',
      method: 'GET',
      path: '/.well-known/jwks.json',
      summary: 'The public keys for verifying access tokens',
      rateLimit: 'none',
      problems: [],
      contentType: 'application/jwk-set+json',
      openToCors: true,
      cacheSeconds: jwksCacheSeconds,
      handler: () => ({ status: 200, body: serialize(signingKeys.jwks()) }),
    }),
  ];
}

type Jwks = ReturnType<SigningKeys['jwks']>;

/** Serializes a key set and caches the text until the keys change, because it would take a twelfth of the request's time. */
function cachedSerializer(): (jwks: Jwks) => string {
  let keys: Jwks['keys'] = [];
  let text = JSON.stringify({ keys });
  return (jwks) => {
    const isSame = keys.length === jwks.keys.length && keys.every((key, index) => key === jwks.keys[index]);
    if (!isSame) {
      keys = jwks.keys;
      text = JSON.stringify(jwks);
    }
    return text;
  };
}
