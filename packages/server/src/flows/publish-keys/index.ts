/** The public signing keys. Owns `/.well-known/jwks.json` (RFC 7517 §5). */
import { jwksCacheSeconds, type SigningKeys } from '#domain/signing-keys/index.ts';
import { documentEndpoint, type Endpoint } from '#platform/http/index.ts';

/** The endpoints of this flow. */
export function publishKeysEndpoints(signingKeys: SigningKeys): readonly Endpoint[] {
  const textOf = keptText();
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
      handler: () => ({ status: 200, body: textOf(signingKeys.jwks()) }),
    }),
  ];
}

type Jwks = ReturnType<SigningKeys['jwks']>;

/** Writes a set as JSON, once as long as it holds the same keys: the writing is a twelfth of a request. */
function keptText(): (jwks: Jwks) => string {
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
