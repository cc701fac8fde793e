/** The credentials that a request presents. */

/** A bearer token or our session cookie, never both. */
export interface Presented {
  readonly bearer?: string;
  readonly sessionCookie?: string;
}

/** Why a credential was rejected, in the words of `error_description` (RFC 6750 §3). They contain nothing of the token. */
export const refusalTexts = {
  malformed: 'The access token is malformed.',
  algorithm: 'The access token is signed by an algorithm that is not accepted here.',
  type: 'This is not an access token.',
  unknown_key: 'The access token is signed by an unknown key.',
  signature: 'The signature of the access token is wrong.',
  expired: 'The access token has expired.',
  not_yet_valid: 'The access token is not valid yet. Compare the clocks.',
  issuer: 'The access token is from another issuer.',
  audience: 'The access token is for another audience.',
  claims: 'A claim of the access token is missing or wrong.',
  revoked: 'The session of the access token has ended.',
} as const satisfies Readonly<Record<string, string>>;

export type CredentialRefusal = keyof typeof refusalTexts;

// RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1). Token verification rejects what is no `b64token`.
const bearerScheme = /^Bearer /i;

/** Schemes by which a proxy in front of us authenticates a browser, which then sends them with every request. */
const proxySchemes = /^(?:Basic|Digest|Negotiate|NTLM)(?: |$)/i;

const bearerSchemeLength = 'Bearer '.length;
const bearerLimit = 8192;

/**
 * The credentials of a request, or undefined.
 * With an `Authorization` header the cookie is ignored: the token that an application sends, however malformed, is never
 * replaced by the session that the browser holds. The schemes of a proxy in front of us are not for us and do not count.
 */
export function readPresented(
  authorization: string | undefined,
  sessionCookie: string | undefined,
): Presented | undefined {
  if (authorization !== undefined && !proxySchemes.test(authorization)) {
    if (authorization.length > bearerLimit || !bearerScheme.test(authorization)) return undefined;
    return { bearer: authorization.slice(bearerSchemeLength) };
  }
  return sessionCookie === undefined || sessionCookie === '' ? undefined : { sessionCookie };
}
