/**
 * Encoded password hashes: the PHC string format for Argon2id (RFC 9106), and recognition of bcrypt's, which come with
 * imported users.
 * Owns no table and computes no hash; `domain/passwords` stores what is read here, encrypted.
 * Invariants: an Argon2id string is accepted in exactly one spelling, so that formatting what was parsed gives the same
 * text; what is not recognised is never guessed at.
 */

/** What the work factor of a new hash is; memory in KiB, as RFC 9106 counts it. */
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

/** A bcrypt hash is only ever verified and then replaced, so nothing but its cost is of interest. */
export type BcryptHash = { readonly kind: 'bcrypt'; readonly cost: number };

export type PasswordHash = Argon2idHash | BcryptHash;

/** RFC 9106 §3.1 recommends a salt of 16 bytes, §4 a tag of 32: what is shorter is made anew. */
const recommendedSaltBytes = 16;
const recommendedTagBytes = 32;

/** Version 0x13 of RFC 9106 §3.1; the older 0x10 has known weaknesses. Decimal numbers have no leading zero. */
const argon2idForm =
  /^\$argon2id\$v=19\$m=([1-9][0-9]{0,9}),t=([1-9][0-9]{0,9}),p=([1-9][0-9]{0,7})\$([A-Za-z0-9+/]{11,64})\$([A-Za-z0-9+/]{16,86})$/;

/**
 * Modular crypt format, `$2a$`, `$2b$` or `$2y$`, cost 4 to 31.
 * The unused bits of the last characters are not checked: some producers set them.
 */
const bcryptForm = /^\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$/;

const maxUint32 = 0xffff_ffff;
const maxParallelism = 0xff_ffff;

/**
 * Reads an encoded hash; null for anything else, including other spellings of a valid one.
 * It says nothing about what computing the hash would cost: whoever imports hashes caps their parameters.
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

/** Writes an Argon2id hash in the one spelling that `parsePhc` accepts. */
export function formatPhc(hash: Omit<Argon2idHash, 'kind'>): string {
  const { memoryKib, iterations, parallelism, salt, tag } = hash;
  return `$argon2id$v=19$m=${memoryKib},t=${iterations},p=${parallelism}$${encodeB64(salt)}$${encodeB64(tag)}`;
}

/**
 * Whether a password that was just proven against this string should be hashed again.
 * Any difference counts, not only a weaker setting: an operator who lowers the memory means it.
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

/** RFC 9106 §3.1: at least 8 KiB a lane, 32-bit memory and passes, 24-bit lanes. */
function areWithinBounds({ memoryKib, iterations, parallelism }: Argon2idParameters): boolean {
  return (
    memoryKib >= 8 * parallelism && memoryKib <= maxUint32 && iterations <= maxUint32 && parallelism <= maxParallelism
  );
}

/** The PHC format's B64: base64 without padding. */
function encodeB64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Refuses a length that no bytes have and set bits beyond the last byte, both of which Buffer ignores. */
function decodeB64(text: string): Buffer | null {
  const bytes = Buffer.from(text, 'base64');
  return encodeB64(bytes) === text ? bytes : null;
}
