import { type FirebaseScryptHash, matchesFirebaseScrypt } from './firebase-scrypt.ts';
import { matchesPbkdf2, type Pbkdf2Hash } from './pbkdf2.ts';
import { matchesPhpass, type PhpassHash } from './phpass.ts';
import { matchesScrypt, type ScryptHash } from './scrypt.ts';
import { matchesShaCrypt, type ShaCryptHash } from './sha-crypt.ts';

/** Hashes that Node computes in its thread pool. */
export type DerivedKeyHash = ScryptHash | FirebaseScryptHash | Pbkdf2Hash;

/** Whether the hash is of this password, in UTF-8 as given. Computed in the thread pool. */
export function matchesDerivedKey(hash: DerivedKeyHash, password: string): Promise<boolean> {
  switch (hash.kind) {
    case 'scrypt':
      return matchesScrypt(hash, password);
    case 'firebase-scrypt':
      return matchesFirebaseScrypt(hash, password);
    case 'pbkdf2':
      return matchesPbkdf2(hash, password);
  }
}

/** Hashes whose rounds are a loop in JavaScript. They consist of strings and numbers and can be sent to a worker. */
export type IteratedDigestHash = ShaCryptHash | PhpassHash;

/** Whether the hash is of this password. Blocks its thread for up to a second, so it must not run on the event loop. */
export function matchesIteratedDigest(hash: IteratedDigestHash, password: string): boolean {
  return hash.kind === 'sha-crypt' ? matchesShaCrypt(hash, password) : matchesPhpass(hash, password);
}
