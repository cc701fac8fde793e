import { parseStrictJson } from '#protocol/strict-json/index.ts';
import { compactForm } from './compact-jws.ts';

/** ID tokens have 1 to 2 kB. */
const maxBytes = 8192;

/** The members that select the key. */
export type ForeignHeader = { readonly alg: string; readonly kid: string };

/**
 * Reads the header of a compact JWS (RFC 7515 §7.1) of another issuer, which may have further members in any form. Returns
 * null for a text that is none, has no `kid`, repeats a member, or has `crit` or `b64`, which change how it is verified.
 * Members that name a key (`jwk`, `jku`, `x5u`) have no effect. It does not verify the signature.
 */
export function parseForeignHeader(token: string): ForeignHeader | null {
  if (token.length > maxBytes) return null;
  const parts = compactForm.exec(token);
  if (parts === null) return null;
  const parsed = parseStrictJson(Buffer.from(parts[1] ?? '', 'base64url').toString());
  if (parsed.kind === 'invalid' || !isObject(parsed.value)) return null;
  const { alg, kid } = parsed.value;
  if ('crit' in parsed.value || 'b64' in parsed.value) return null;
  return typeof alg === 'string' && typeof kid === 'string' ? { alg, kid } : null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
