/** Personal keys: one key per user, invitation or applicant, which encrypts their personal fields and is deleted with them. */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { contextOf, open, seal } from './envelope.ts';
import type { AssociatedData, KeyOwner, UserKey } from './keys.ts';

/** The column of each owner's wrapped key. */
const columns = {
  user: ['user_keys', 'wrapped'],
  invitation: ['invitations', 'wrapped_key'],
  applicant: ['applicant_keys', 'wrapped'],
} as const;

/** The associated data of a wrapped key. */
export function wrappedKeyAssociatedData({ kind, id }: KeyOwner): AssociatedData {
  const [table, column] = columns[kind];
  return { table, column, row: id };
}

/** Imports the 32 bytes of a personal key and overwrites them with zeros. */
export function importPersonalKey({ kind, id: ownerId }: KeyOwner, bytes: Buffer): UserKey {
  const key: KeyObject = createSecretKey(bytes);
  bytes.fill(0);
  const named = { id: ownerId, key };
  return {
    id: ownerId,
    owner: kind,
    seal: (plaintext, associatedData) => seal(named, plaintext, contextOf(associatedData)),
    open: (ciphertext, associatedData) => open(named, ciphertext, contextOf(associatedData)),
  };
}
