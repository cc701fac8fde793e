/** Exactly these members are accepted, so `crit`, `b64`, `jwk`, `jku` and `x5u` never have an effect. */
export type JwsHeader = { readonly alg: string; readonly kid: string; readonly typ: string };

export type CompactJws = { readonly header: JwsHeader; readonly payload: Buffer; readonly signature: Buffer };

/** Our tokens have less than 1 kB; proxies usually limit a header line to 8 kB. */
const defaultMaxBytes = 8192;

/**
 * Canonical base64url without padding (RFC 4648 §3.5 and §5), at least one byte.
 * The unused bits of the last character must be zero. Decoders ignore them, so each such bit would double the number of
 * texts that decode to the same bytes.
 */
const base64url = '(?:[\\w-]{4})*(?:[\\w-]{4}|[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])';
export const compactForm = new RegExp(`^(${base64url})\\.(${base64url})\\.(${base64url})$`);

/**
 * Parses a compact JWS (RFC 7515 §7.1) in the one form that `signJwt` writes; returns null for every other text.
 * It does not verify the signature: the payload is untrusted.
 */
export function parseCompactJws(token: string, limits?: { readonly maxBytes?: number }): CompactJws | null {
  if (token.length > (limits?.maxBytes ?? defaultMaxBytes)) return null;
  const parts = compactForm.exec(token);
  if (parts === null) return null;
  const header = parseHeader(parts[1] ?? '');
  if (header === null) return null;
  return {
    header,
    payload: Buffer.from(parts[2] ?? '', 'base64url'),
    signature: Buffer.from(parts[3] ?? '', 'base64url'),
  };
}

function parseHeader(encoded: string): JwsHeader | null {
  const header = parseObject(Buffer.from(encoded, 'base64url').toString());
  if (header === null || Object.keys(header).length !== 3) return null;
  // Comparing with a fresh serialization detects white space, escapes, duplicate members and malformed UTF-8.
  if (Buffer.from(JSON.stringify(header)).toString('base64url') !== encoded) return null;
  const { alg, kid, typ } = header;
  if (typeof alg !== 'string' || typeof kid !== 'string' || typeof typ !== 'string') return null;
  return { alg, kid, typ };
}

function parseObject(text: string): Partial<Record<keyof JwsHeader, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? value : null;
  } catch (error) {
    // Malformed JSON is expected input; any other error is a bug.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
