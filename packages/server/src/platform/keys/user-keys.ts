/** A person's own key, in use. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { contextOf, open, seal } from './envelope.ts';
import type { AssociatedData, UserKey } from './keys.ts';

/** Where the wrapped key of a user stands. */
export function userKeyAssociatedData(userId: string): AssociatedData {
  return { table: 'user_keys', column: 'wrapped', row: userId };
}

/** Makes the usable key of its 32 bytes, which are wiped. */
export function importUserKey(userId: string, bytes: Buffer): UserKey {
  const key: KeyObject = createSecretKey(bytes);
  bytes.fill(0);
  const named = { id: userId, key };
  return {
    id: userId,
    seal: (plaintext, place) => seal(named, plaintext, contextOf(place)),
    open: (ciphertext, place) => open(named, ciphertext, contextOf(place)),
  };
}
