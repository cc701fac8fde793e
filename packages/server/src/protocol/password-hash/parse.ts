import { type Argon2idHash, type OldArgon2Hash, parseOldArgon2, parsePhc } from './argon2.ts';
import { parseAspnetIdentity } from './aspnet-identity.ts';
import { type BcryptHash, parseBcrypt } from './bcrypt.ts';
import { parseDjango } from './django.ts';
import { type FirebaseScryptHash, parseFirebaseScrypt } from './firebase-scrypt.ts';
import { type Pbkdf2Hash, parsePbkdf2 } from './pbkdf2.ts';
import { type PhpassHash, parsePhpass } from './phpass.ts';
import { type PlainDigestHash, parseHexDigest, parseLdap } from './plain-digest.ts';
import { parseScrypt, type ScryptHash } from './scrypt.ts';
import { parseShaCrypt, type ShaCryptHash } from './sha-crypt.ts';

/** A hash of a scheme that this product verifies, but computes no new hashes with. */
export type OldHash =
  | OldArgon2Hash
  | BcryptHash
  | ScryptHash
  | FirebaseScryptHash
  | Pbkdf2Hash
  | ShaCryptHash
  | PhpassHash
  | PlainDigestHash;

export type PasswordHash = Argon2idHash | OldHash;

/** No two of them accept the same text. */
const parsers: readonly ((text: string) => PasswordHash | null)[] = [
  parsePhc,
  parseOldArgon2,
  parseBcrypt,
  parseScrypt,
  parseFirebaseScrypt,
  parsePbkdf2,
  parseDjango,
  parseAspnetIdentity,
  parseShaCrypt,
  parsePhpass,
  parseLdap,
  parseHexDigest,
];

/** Above the longest form, Firebase's. */
const maxCharacters = 1024;

/** Parses an encoded hash of any known scheme; returns null for every other text. It does not limit the cost. */
export function parsePasswordHash(text: string): PasswordHash | null {
  if (text.length > maxCharacters) return null;
  for (const parse of parsers) {
    const hash = parse(text);
    if (hash !== null) return hash;
  }
  return null;
}
