/** User keys: one key per user, which encrypts personal fields of that user. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { contextOf, open, seal } from './envelope.ts';
import type { AssociatedData, UserKey } from './keys.ts';

/** The associated data of a user's wrapped key. */
export function userKeyAssociatedData(userId: string): AssociatedData {
  return { table: 'user_keys', column: 'wrapped', row: userId };
}

/** Imports the 32 bytes of a user key and overwrites them with zeros. */
export function importUserKey(userId: string, bytes: Buffer): UserKey {
  const key: KeyObject = createSecretKey(bytes);
  bytes.fill(0);
  const named = { id: userId, key };
  return {
    id: userId,
    seal: (plaintext, associatedData) => seal(named, plaintext, contextOf(associatedData)),
    open: (ciphertext, associatedData) => open(named, ciphertext, contextOf(associatedData)),
  };
}
