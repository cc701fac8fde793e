/**
 * Encoded password hashes: the PHC string format for Argon2id (RFC 9106), and bcrypt's format, which imported users have.
 * It computes no hash; `domain/passwords` does, and stores these texts encrypted.
 * Invariants: an Argon2id string has exactly one accepted form, so parsing and formatting return the same text; every
 * other text is rejected.
 */

/** Cost parameters of RFC 9106 §3.1; memory is in KiB. */
export type Argon2idParameters = {
  readonly memoryKib: number;
  readonly iterations: number;
  readonly parallelism: number;
};

export type Argon2idHash = Argon2idParameters & {
  readonly kind: 'argon2id';
  readonly salt: Buffer;
  readonly tag: Buffer;
};

/** A bcrypt hash is verified once and then replaced by Argon2id, so only its cost is parsed. */
export type BcryptHash = { readonly kind: 'bcrypt'; readonly cost: number };

export type PasswordHash = Argon2idHash | BcryptHash;

/** RFC 9106 recommends a salt of 16 bytes (§3.1) and a tag of 32 (§4); shorter ones need a rehash. */
const recommendedSaltBytes = 16;
const recommendedTagBytes = 32;

/** Version 0x13 (RFC 9106 §3.1) only, because 0x10 has known weaknesses. Decimal numbers have no leading zero. */
const argon2idForm =
  /^\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,7})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{16,86})$/;

/**
 * Modular crypt format, `$2a$`, `$2b$` or `$2y$`, cost 4 to 31.
 * The unused bits of the last characters are not checked, because some implementations set them.
 */
const bcryptForm = /^\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$/;

const maxUint32 = 0xffff_ffff;
const maxParallelism = 0xff_ffff;

/**
 * Parses an encoded hash; returns null for every other text, including other encodings of a valid hash.
 * It does not limit the cost parameters. An import must cap them, since one verification costs what the hash specifies.
 */
export function parsePhc(text: string): PasswordHash | null {
  const bcrypt = bcryptForm.exec(text);
  if (bcrypt !== null) return { kind: 'bcrypt', cost: Number(bcrypt[1]) };
  const match = argon2idForm.exec(text);
  if (match === null) return null;
  const salt = decodeB64(match[4] ?? '');
  const tag = decodeB64(match[5] ?? '');
  if (salt === null || tag === null) return null;
  const parameters = { memoryKib: Number(match[1]), iterations: Number(match[2]), parallelism: Number(match[3]) };
  if (!areWithinBounds(parameters)) return null;
  return { kind: 'argon2id', ...parameters, salt, tag };
}

/** Writes an Argon2id hash in the one form that `parsePhc` accepts. */
export function formatPhc(hash: Omit<Argon2idHash, 'kind'>): string {
  const { memoryKib, iterations, parallelism, salt, tag } = hash;
  return `$argon2id$v=19$m=${memoryKib},t=${iterations},p=${parallelism}$${encodeB64(salt)}$${encodeB64(tag)}`;
}

/**
 * Whether a password that was just verified against this hash should be hashed again.
 * Any difference from `parameters` counts, in either direction, so lowering the cost takes effect too.
 */
export function needsRehash(phc: string, parameters: Argon2idParameters): boolean {
  const hash = parsePhc(phc);
  if (hash === null || hash.kind !== 'argon2id') return true;
  return (
    hash.memoryKib !== parameters.memoryKib ||
    hash.iterations !== parameters.iterations ||
    hash.parallelism !== parameters.parallelism ||
    hash.salt.length < recommendedSaltBytes ||
    hash.tag.length < recommendedTagBytes
  );
}

/** RFC 9106 §3.1: at least 8 KiB per lane; memory and passes of 32 bits, lanes of 24. */
function areWithinBounds({ memoryKib, iterations, parallelism }: Argon2idParameters): boolean {
  return (
    memoryKib >= 8 * parallelism && memoryKib <= maxUint32 && iterations <= maxUint32 && parallelism <= maxParallelism
  );
}

/** The PHC format's B64: base64 without padding. */
function encodeB64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Returns null for an impossible length and for non-zero trailing bits, both of which Buffer ignores. */
function decodeB64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return encodeB64(bytes) === text ? bytes : null;
}
