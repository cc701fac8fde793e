import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { decodeB64 } from './base64.ts';
import { isSameTag } from './tag.ts';

const derive = promisify(pbkdf2);

export type Pbkdf2Digest = 'sha1' | 'sha256' | 'sha512';

/** PBKDF2 with HMAC (RFC 8018 §5.2). */
export type Pbkdf2Hash = {
  readonly kind: 'pbkdf2';
  readonly digest: Pbkdf2Digest;
  readonly iterations: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
};

/** OpenSSL's limit. */
const maxIterations = 0x7fff_ffff;
/** A shorter tag would match too many passwords, and a longer one repeats the work for no security. */
const tagBytes = { min: 16, max: 128 } as const;
const maxSaltBytes = 128;

/** Returns the hash, or null when a value is out of range. */
export function pbkdf2Hash(
  digest: Pbkdf2Digest,
  iterations: number,
  salt: Buffer | null,
  tag: Buffer | null,
): Pbkdf2Hash | null {
  if (salt === null || tag === null) return null;
  const isSound =
    iterations >= 1 &&
    iterations <= maxIterations &&
    salt.length <= maxSaltBytes &&
    tag.length >= tagBytes.min &&
    tag.length <= tagBytes.max;
  return isSound ? { kind: 'pbkdf2', digest, iterations, salt, tag } : null;
}

/** PHC string format with the iterations `i` and, optionally, the length `l` of the tag in bytes. */
const phcForm =
  /^\$pbkdf2-(sha1|sha256|sha512)\$i=([1-9][0-9]{0,9})(?:,l=([1-9][0-9]{0,2}))?\$([A-Za-z0-9+/]{1,171})\$([A-Za-z0-9+/]{1,171})$/;

/** The form of passlib: a bare number, and base64 with "." in place of "+"; without a digest it is SHA-1. */
const passlibForm = /^\$pbkdf2(|-sha256|-sha512)\$([1-9][0-9]{0,9})\$([A-Za-z0-9./]{1,171})\$([A-Za-z0-9./]{1,171})$/;

/** Parses the PHC form and passlib's; returns null for every other text. The cost is not limited here. */
export function parsePbkdf2(text: string): Pbkdf2Hash | null {
  return parsePhcForm(text) ?? parsePasslibForm(text);
}

function parsePhcForm(text: string): Pbkdf2Hash | null {
  const match = phcForm.exec(text);
  if (match === null) return null;
  const tag = decodeB64(match[5] ?? '');
  if (match[3] !== undefined && Number(match[3]) !== tag?.length) return null;
  return pbkdf2Hash(match[1] as Pbkdf2Digest, Number(match[2]), decodeB64(match[4] ?? ''), tag);
}

function parsePasslibForm(text: string): Pbkdf2Hash | null {
  const match = passlibForm.exec(text);
  if (match === null) return null;
  const [, suffix = '', iterations, salt = '', tag = ''] = match;
  const digest = suffix === '' ? 'sha1' : (suffix.slice(1) as Pbkdf2Digest);
  const decode = (part: string) => decodeB64(part.replaceAll('.', '+'));
  return pbkdf2Hash(digest, Number(iterations), decode(salt), decode(tag));
}

/** Whether the hash is of this password; computed in the thread pool. */
export async function matchesPbkdf2(hash: Pbkdf2Hash, password: string): Promise<boolean> {
  const { salt, iterations, tag, digest } = hash;
  return isSameTag(await derive(password, salt, iterations, tag.length, digest), tag);
}
