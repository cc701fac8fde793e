import { createCipheriv } from 'node:crypto';
import { decodeB64 } from './base64.ts';
import { computeScrypt, type ScryptParameters } from './scrypt.ts';
import { isSameTag } from './tag.ts';

/** Firebase's modified scrypt: the tag is the project's signer key, encrypted under a key that scrypt derives. */
export type FirebaseScryptHash = ScryptParameters & {
  readonly kind: 'firebase-scrypt';
  /** The user's salt followed by the project's separator. */
  readonly salt: Buffer;
  readonly signerKey: Buffer;
  readonly tag: Buffer;
};

/**
 * `$firebase-scrypt$ln=<memory cost>,r=<rounds>$<salt>$<salt separator>$<signer key>$<hash>`: a form of this product,
 * because Firebase exports the parts separately. All parts are base64 without padding, in the standard alphabet.
 */
const form =
  /^\$firebase-scrypt\$ln=([1-9]|1[0-4]),r=([1-8])\$([A-Za-z0-9+/]{2,172})\$([A-Za-z0-9+/]{0,86})\$([A-Za-z0-9+/]{22,172})\$([A-Za-z0-9+/]{22,172})$/;

/** Parses a hash of Firebase; returns null for every other text. Firebase limits the costs to ln=14 and r=8. */
export function parseFirebaseScrypt(text: string): FirebaseScryptHash | null {
  const match = form.exec(text);
  if (match === null) return null;
  const [salt, separator, signerKey, tag] = match.slice(3).map(decodeB64);
  if (!salt || !separator || !signerKey || !tag || tag.length !== signerKey.length) return null;
  const parameters = { log2n: Number(match[1]), blockSize: Number(match[2]), parallelism: 1 };
  return { kind: 'firebase-scrypt', ...parameters, salt: Buffer.concat([salt, separator]), signerKey, tag };
}

const keyBytes = 32;
const firstCounter = Buffer.alloc(16);

/** Whether the hash is of this password. AES-256 in counter mode from zero, as github.com/firebase/scrypt specifies. */
export async function matchesFirebaseScrypt(hash: FirebaseScryptHash, password: string): Promise<boolean> {
  const key = await computeScrypt(password, hash.salt, hash, keyBytes);
  const cipher = createCipheriv('aes-256-ctr', key, firstCounter);
  return isSameTag(Buffer.concat([cipher.update(hash.signerKey), cipher.final()]), hash.tag);
}
