/**
 * The JSON Web Tokens that we issue (RFC 7515, 7519, 8725): keys, signing, and verification behind a strict parser
 * (invariant 8). `domain/signing-keys` stores the keys; `domain/revocations` and `domain/sessions` decide revocation.
 * Invariants: a token is verified with the one algorithm of the key that its `kid` names; of the texts that decode to the
 * same token (padding, white space, trailing bits) exactly one is accepted, and of the ES256 signatures (r, s) and
 * (r, n − s) only the one with the smaller s.
 * Lists of revoked or seen tokens must still be keyed by `jti`, never by the token's text.
 */

export type { CompactJws, JwsHeader } from './compact-jws.ts';
export { type ForeignHeader, parseForeignHeader } from './foreign-header.ts';
export {
  exportPrivateKey,
  exportPublicJwk,
  generateSigningKeyPair,
  importSigningKey,
  importVerifyKey,
  jwkThumbprint,
  type PublicJwk,
  type SigningAlgorithm,
  type SigningKey,
  signingAlgorithms,
  type VerifyKey,
} from './keys.ts';
export { type JwtClaims, signJwt } from './sign.ts';
export { type JwtProblem, type JwtVerification, type VerifiedClaims, verifyJwt } from './verify.ts';
