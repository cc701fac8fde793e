/** The header of our tokens: these members and no others, so no `crit`, `b64`, `jwk`, `jku` or `x5u` is ever obeyed. */
export type JwsHeader = { readonly alg: string; readonly kid: string; readonly typ: string };

export type CompactJws = { readonly header: JwsHeader; readonly payload: Buffer; readonly signature: Buffer };

/** A token of ours is below 1 kB; a proxy's limit for a header line is usually 8 kB. */
const defaultMaxBytes = 8192;

/**
 * Canonical base64url without padding (RFC 4648 §3.5 and §5), at least one byte.
 * The last character of a short group may set no bit beyond the last byte; decoders ignore those bits, and each one
 * ignored would double the number of spellings.
 */
const base64url = '(?:[\\w-]{4})*(?:[\\w-]{4}|[\\w-][AQgw]|[\\w-]{2}[AEIMQUYcgkosw048])';
const compactForm = new RegExp(`^(${base64url})\\.(${base64url})\\.(${base64url})$`);

/**
 * Splits a compact JWS (RFC 7515 §7.1) that is spelled as `signJwt` spells it; null for every other text.
 * Nothing is verified here: the payload is whatever somebody sent.
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
  // Writing it again finds white space, needless escapes, names that stand twice and bytes that are no UTF-8.
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
    // Foreign bytes are an expected input; anything else that is thrown is a bug.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
