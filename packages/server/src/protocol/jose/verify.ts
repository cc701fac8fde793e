import type { JWTPayload } from 'jose';
import * as errors from 'jose/errors';
import { jwtVerify } from 'jose/jwt/verify';
import { type CompactJws, parseCompactJws } from './compact-jws.ts';
import { hasLowS } from './ecdsa-signature.ts';
import type { SigningAlgorithm, VerifyKey } from './keys.ts';

/** The reason: a client gets `not_authenticated` for each, and a sentence about it in `WWW-Authenticate`. */
export type JwtProblem =
  | 'malformed'
  | 'algorithm'
  | 'type'
  | 'unknown_key'
  | 'signature'
  | 'expired'
  | 'not_yet_valid'
  | 'issuer'
  | 'audience'
  | 'claims';

/** The validated claims, and the token's other claims unvalidated. */
export type VerifiedClaims = {
  readonly iss: string;
  readonly aud: string;
  /** Seconds since the epoch (NumericDate, RFC 7519 §2), like `iat`. */
  readonly exp: number;
  readonly iat: number;
  readonly [claim: string]: unknown;
};

export type JwtVerification =
  | { readonly kind: 'ok'; readonly claims: VerifiedClaims; readonly kid: string }
  | { readonly kind: 'invalid'; readonly reason: JwtProblem };

export type JwtExpectations = {
  /** Returns the key with that `kid`, or undefined when it is unknown or retired. */
  readonly keys: (kid: string) => VerifyKey | undefined | Promise<VerifyKey | undefined>;
  /** The allowed algorithms. The token must use its key's algorithm, which must be one of these. */
  readonly alg: SigningAlgorithm | readonly SigningAlgorithm[];
  readonly typ: string;
  readonly issuer: string;
  /** The one accepted `aud`: a constant, or computed from the verified payload; undefined accepts none. */
  readonly audience: string | ((payload: Readonly<Record<string, unknown>>) => Promise<string | undefined>);
  readonly now: Date;
  readonly clockToleranceSeconds: number;
};

/**
 * Verifies a token that we issued: the strict parser, then jose's checks of signature and claims, then the checks that
 * jose lacks. RFC 8725 §3.1 (one algorithm), §3.8 (issuer), §3.9 (audience) and §3.11 (explicit type) hold.
 * `exp` and `iat` are required; `aud` must be the expected string, not an array that contains it.
 * It takes 150 µs, mostly for the signature in WebCrypto's thread pool; callers cache the result by the token's hash.
 * It does not check revocation; the caller does.
 */
export async function verifyJwt(token: string, expected: JwtExpectations): Promise<JwtVerification> {
  const jws = parseCompactJws(token);
  if (jws === null) return invalid('malformed');
  if (jws.header.typ !== expected.typ) return invalid('type');
  if (!isAllowed(jws.header.alg, expected.alg)) return invalid('algorithm');
  const key = await expected.keys(jws.header.kid);
  if (key === undefined) return invalid('unknown_key');
  if (key.alg !== jws.header.alg) return invalid('algorithm');
  if (!isCanonicalSignature(jws)) return invalid('signature');
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, key.publicKey, {
      algorithms: [key.alg],
      typ: expected.typ,
      issuer: expected.issuer,
      currentDate: expected.now,
      clockTolerance: expected.clockToleranceSeconds,
      requiredClaims: ['exp', 'iat'],
    }));
  } catch (error) {
    return invalid(problemOf(error));
  }
  return checkAudienceAndTimes(payload, key.kid, expected);
}

function invalid(reason: JwtProblem): { kind: 'invalid'; reason: JwtProblem } {
  return { kind: 'invalid', reason };
}

/** Two forms of an ECDSA signature verify, and we issue low s; for Ed25519 (RFC 8032 §5.1.7) and RSA only one does. */
function isCanonicalSignature({ header, signature }: CompactJws): boolean {
  return header.alg !== 'ES256' || (signature.length === 64 && hasLowS(signature));
}

function isAllowed(alg: string, allowed: JwtExpectations['alg']): boolean {
  return typeof allowed === 'string' ? alg === allowed : allowed.some((candidate) => candidate === alg);
}

/** jose would accept an array that contains the audience, and checks `iat` only with `maxTokenAge`. */
async function checkAudienceAndTimes(
  payload: JWTPayload,
  kid: string,
  expected: JwtExpectations,
): Promise<JwtVerification> {
  const { aud, exp, iat } = payload;
  const audience = typeof expected.audience === 'string' ? expected.audience : await expected.audience(payload);
  if (typeof aud !== 'string' || aud !== audience) return invalid('audience');
  if (exp === undefined || iat === undefined) return invalid('claims');
  if (iat > expected.now.getTime() / 1000 + expected.clockToleranceSeconds) return invalid('not_yet_valid');
  return { kind: 'ok', claims: { ...payload, iss: expected.issuer, aud, exp, iat }, kid };
}

/** Maps jose's errors to a reason; rethrows any other error, which is a bug. */
function problemOf(error: unknown): JwtProblem {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return problemOfClaim(error);
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return 'malformed';
  throw error;
}

function problemOfClaim({ claim, reason }: errors.JWTClaimValidationFailed): JwtProblem {
  if (claim === 'iss') return 'issuer';
  return claim === 'nbf' && reason === 'check_failed' ? 'not_yet_valid' : 'claims';
}
