import { errors, type JWTPayload, jwtVerify } from 'jose';
import { type CompactJws, parseCompactJws } from './compact-jws.ts';
import { hasLowS } from './ecdsa-signature.ts';
import type { SigningAlgorithm, VerifyKey } from './keys.ts';

/** Why a token is refused; for logs and metrics, since a client learns no more than `not_authenticated`. */
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

/** The claims that were checked, and whatever else the token says. */
export type VerifiedClaims = {
  readonly iss: string;
  readonly aud: string;
  /** Seconds since the epoch, as all NumericDates of RFC 7519 §2. */
  readonly exp: number;
  readonly iat: number;
  readonly [claim: string]: unknown;
};

export type JwtVerification =
  | { readonly kind: 'ok'; readonly claims: VerifiedClaims; readonly kid: string }
  | { readonly kind: 'invalid'; readonly reason: JwtProblem };

export type JwtExpectations = {
  /** The key of that `kid`, or undefined when it is unknown or retired. */
  readonly keys: (kid: string) => VerifyKey | undefined;
  /** Which algorithms this purpose allows; the token must use that of its key, and it must be among these. */
  readonly alg: SigningAlgorithm | readonly SigningAlgorithm[];
  readonly typ: string;
  readonly issuer: string;
  readonly audience: string;
  readonly now: Date;
  readonly clockToleranceSeconds: number;
};

/**
 * Verifies a token of our own: the strict gate, then jose's signature and claims, then what jose leaves open.
 * RFC 8725 in order: §3.1 one algorithm, §3.8 issuer, §3.9 audience, §3.11 explicit type.
 * `exp` and `iat` must be there; `aud` must be that one string, not a list that contains it.
 * Costs 150 µs, nearly all of it the signature in WebCrypto's thread pool: remember the answer by the token's hash.
 * Revocation is the caller's: a good signature says nothing about a session that has ended.
 */
export async function verifyJwt(token: string, expected: JwtExpectations): Promise<JwtVerification> {
  const jws = parseCompactJws(token);
  if (jws === null) return invalid('malformed');
  if (jws.header.typ !== expected.typ) return invalid('type');
  if (!isAllowed(jws.header.alg, expected.alg)) return invalid('algorithm');
  const key = expected.keys(jws.header.kid);
  if (key === undefined) return invalid('unknown_key');
  if (key.alg !== jws.header.alg) return invalid('algorithm');
  if (!isOurSpelling(jws)) return invalid('signature');
  try {
    const { payload } = await jwtVerify(token, key.publicKey, {
      algorithms: [key.alg],
      typ: expected.typ,
      issuer: expected.issuer,
      audience: expected.audience,
      currentDate: expected.now,
      clockTolerance: expected.clockToleranceSeconds,
      requiredClaims: ['exp', 'iat'],
    });
    return checkFurther(payload, key.kid, expected);
  } catch (error) {
    return invalid(problemOf(error));
  }
}

function invalid(reason: JwtProblem): { kind: 'invalid'; reason: JwtProblem } {
  return { kind: 'invalid', reason };
}

/** Of an ECDSA signature there are two spellings that verify; Ed25519 (RFC 8032 §5.1.7) and RSA take only one. */
function isOurSpelling({ header, signature }: CompactJws): boolean {
  return header.alg !== 'ES256' || (signature.length === 64 && hasLowS(signature));
}

function isAllowed(alg: string, allowed: JwtExpectations['alg']): boolean {
  return typeof allowed === 'string' ? alg === allowed : allowed.some((candidate) => candidate === alg);
}

/** jose takes a list that contains our audience, and looks at `iat` only when asked for the token's age. */
function checkFurther(payload: JWTPayload, kid: string, expected: JwtExpectations): JwtVerification {
  const { aud, exp, iat } = payload;
  if (aud !== expected.audience) return invalid('audience');
  if (exp === undefined || iat === undefined) return invalid('claims');
  if (iat > expected.now.getTime() / 1000 + expected.clockToleranceSeconds) return invalid('not_yet_valid');
  return { kind: 'ok', claims: { ...payload, iss: expected.issuer, aud, exp, iat }, kid };
}

/** Names jose's refusals; what is none of them is a bug and goes on its way. */
function problemOf(error: unknown): JwtProblem {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'signature';
  if (error instanceof errors.JWTExpired) return 'expired';
  if (error instanceof errors.JWTClaimValidationFailed) return problemOfClaim(error);
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return 'malformed';
  throw error;
}

function problemOfClaim({ claim, reason }: errors.JWTClaimValidationFailed): JwtProblem {
  if (claim === 'iss') return 'issuer';
  if (claim === 'aud') return 'audience';
  return claim === 'nbf' && reason === 'check_failed' ? 'not_yet_valid' : 'claims';
}
