/** Keys that a client holds: nothing in the database, and no backup together with every data key, opens what they sealed. */
import { createSecretKey, hkdfSync } from 'node:crypto';
import { contextOf, open, seal } from './envelope.ts';
import type { UserKey } from './keys.ts';

/**
 * Derives a key from a secret of 256 random bits that only its client keeps (HKDF-SHA-256, RFC 5869).
 *
 * @param id of the row whose cells it encrypts.
 * @param use separates the keys of several uses of one secret.
 */
export function keyOfSecret(id: string, secret: Uint8Array, use: string): Pick<UserKey, 'seal' | 'open'> {
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', use, 32)));
  const named = { id, key };
  return {
    seal: (plaintext, associatedData) => seal(named, plaintext, contextOf(associatedData)),
    open: (ciphertext, associatedData) => open(named, ciphertext, contextOf(associatedData)),
  };
}
