/**
 * JSON Web Tokens of our own making (RFC 7515, 7519, 8725): keys, signing, and verification behind a strict gate.
 * Owns no table; `domain/signing-keys` stores the keys, `domain/endings` and the sessions decide what is revoked.
 * Invariants: a token is verified with the one algorithm of the key that its `kid` names; every part of it has exactly
 * one accepted spelling, so that no padding, white space or stray bit makes a second token of one signature, and of the
 * two signatures (r, s) and (r, n − s) of ES256 the one with the smaller s alone.
 * Lists of revoked or seen tokens are keyed by `jti` all the same, never by the token's text.
 */

export type { CompactJws, JwsHeader } from './compact-jws.ts';
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
