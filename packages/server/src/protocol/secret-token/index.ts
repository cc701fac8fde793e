/**
 * The spelling of every secret that leaves the server: `prefix ‖ base64url(32 bytes) ‖ checksum`.
 * Owns no table; the nouns store `hashSecret(text)` and never the text.
 * The prefix names the purpose, so that a scanner of source code or logs finds a leaked one and says what it opens;
 * the checksum lets scanner and server tell a secret from a look-alike without a look-up.
 * Invariants: a secret has exactly one spelling, and one purpose's secret is never read as another's.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a secret is for; the value is what its text begins with. */
export const secretPrefixes = {
  refreshToken: 'lk_rt_',
  session: 'lk_st_',
  oneTimeLink: 'lk_ot_',
  loginTicket: 'lk_lt_',
  loginBrowser: 'lk_lb_',
  knownDevice: 'lk_dv_',
  apiKey: 'lk_sk_',
} as const;

export type SecretPrefix = (typeof secretPrefixes)[keyof typeof secretPrefixes];

/** 256 bits, so that a plain SHA-256 of it needs neither salt nor stretching. */
const secretBytes = 32;

const bodyCharacters = 43;
const checksumCharacters = 6;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Writes a secret of 32 bytes as text of 55 characters, all of them safe in a URL, a header and a cookie.
 *
 * @throws RangeError when the secret has another length.
 */
export function formatSecret(prefix: SecretPrefix, secret: Uint8Array): string {
  if (secret.length !== secretBytes) throw new RangeError(`a secret has ${secretBytes} bytes`);
  const body = prefix + Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength).toString('base64url');
  return body + checksumOf(body);
}

/** Reads a secret of this purpose; null for every text that `formatSecret` would not have written. */
export function parseSecret(prefix: SecretPrefix, text: string): Uint8Array | null {
  const bodyEnd = prefix.length + bodyCharacters;
  if (text.length !== bodyEnd + checksumCharacters || !text.startsWith(prefix)) return null;
  const secret = Buffer.from(text.slice(prefix.length, bodyEnd), 'base64url');
  // Writing it again catches what Buffer overlooks: `+` and `/`, foreign characters, bits beyond the last byte.
  if (secret.length !== secretBytes || formatSecret(prefix, secret) !== text) return null;
  return secret;
}

/** What is stored and looked up: SHA-256 of the whole text, prefix and checksum included. */
export function hashSecret(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** CRC-32 (ISO 3309, as in zlib) of prefix and body, in base 62, most significant digit first, six digits. */
function checksumOf(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let place = 0; place < checksumCharacters; place += 1) {
    digits = alphabet.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
