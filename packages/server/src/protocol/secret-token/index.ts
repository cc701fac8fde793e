/**
 * The text format of every token that the server issues: `prefix ‖ base64url(32 bytes) ‖ checksum`.
 * Modules of `domain` store `hashSecret(text)` and never the text (invariant 15).
 * The prefix is the purpose, so that secret scanners find leaked tokens and can name their kind. The checksum lets them
 * and the server reject other text without a database look-up.
 * Invariants: a secret has exactly one accepted text; a secret of one purpose is never accepted for another.
 * Example: 32 zero bytes as a refresh token are `lk_rt_` + 43 × `A` + `00aJkL`.
 */
import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The prefix of each purpose. */
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

/** 256 bits of entropy, so a plain SHA-256 is enough for storage: no salt, no stretching. */
const secretBytes = 32;

const bodyCharacters = 43;
const checksumCharacters = 6;
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Encodes 32 bytes as 55 characters, all of which are safe in URLs, header fields and cookies.
 *
 * @throws RangeError when the secret has another length.
 */
export function formatSecret(prefix: SecretPrefix, secret: Uint8Array): string {
  if (secret.length !== secretBytes) throw new RangeError(`a secret has ${secretBytes} bytes`);
  const body = prefix + Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength).toString('base64url');
  return body + checksumOf(body);
}

/** Parses a secret of this purpose; returns null for every text that `formatSecret` would not write. */
export function parseSecret(prefix: SecretPrefix, text: string): Uint8Array | null {
  const bodyEnd = prefix.length + bodyCharacters;
  if (text.length !== bodyEnd + checksumCharacters || !text.startsWith(prefix)) return null;
  const secret = Buffer.from(text.slice(prefix.length, bodyEnd), 'base64url');
  // Buffer accepts `+`, `/`, foreign characters and non-zero trailing bits; comparing with a fresh encoding rejects them.
  if (secret.length !== secretBytes || formatSecret(prefix, secret) !== text) return null;
  return secret;
}

/** SHA-256 of the whole text, including prefix and checksum: the form for storage and look-up. */
export function hashSecret(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

/** CRC-32 (ISO 3309, as in zlib) of prefix and body as six base-62 digits, most significant first. */
function checksumOf(body: string): string {
  let rest = crc32(body);
  let digits = '';
  for (let place = 0; place < checksumCharacters; place += 1) {
    digits = alphabet.charAt(rest % 62) + digits;
    rest = Math.floor(rest / 62);
  }
  return digits;
}
