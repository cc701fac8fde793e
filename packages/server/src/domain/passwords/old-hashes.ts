import { verify as verifyArgon2 } from '@node-rs/argon2';
import {
  type BcryptHash,
  isAffordable,
  matchesDerivedKey,
  matchesPlainDigest,
  type OldHash,
} from '#protocol/password-hash/index.ts';
import { CryptThread } from './crypt-thread.ts';

/**
 * Compares passwords with hashes of other products. Every comparison that takes longer than a fraction of a millisecond
 * runs in the thread pool or in a worker thread, never on the event loop.
 */
export class OldHashes {
  readonly #thread = new CryptThread();

  /**
   * Returns whether the hash (`text`, parsed as `hash`) is of this password: of the typed text, because most products do
   * not normalize, or of its NFC. Returns false, without work, when the comparison is too expensive.
   */
  async matches(hash: OldHash, text: string, typed: string): Promise<boolean> {
    if (!isAffordable(hash)) return false;
    for (const password of new Set([typed, typed.normalize('NFC')])) {
      if (await this.#compare(hash, text, password)) return true;
    }
    return false;
  }

  #compare(hash: OldHash, text: string, password: string): Promise<boolean> | boolean {
    if ('memoryKib' in hash) return verifyArgon2(text, password);
    switch (hash.kind) {
      case 'bcrypt':
        return matchesBcrypt(hash, password);
      case 'scrypt':
      case 'firebase-scrypt':
      case 'pbkdf2':
        return matchesDerivedKey(hash, password);
      case 'sha-crypt':
      case 'phpass':
        return this.#thread.matches(hash, password);
      case 'plain-digest':
        return matchesPlainDigest(hash, password);
    }
  }
}

/** Loads the library at the first comparison, because it takes 6 MB and most deployments have no such hashes. */
async function matchesBcrypt(hash: BcryptHash, password: string): Promise<boolean> {
  // The key of bcrypt is cyclic and ends with NUL, so "a" and "a\0a" have the same hash.
  if (password.includes('\0')) return false;
  const { verify } = await import('@node-rs/bcrypt');
  return verify(password, hash.canonical);
}
