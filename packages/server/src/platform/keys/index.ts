/**
 * Key material: a key-encryption key (KEK) outside the database wraps one data key per purpose; data keys encrypt fields,
 * sign, and wrap user keys (invariant 15).
 * It owns the table `data_keys`. The tables of users, invitations and applicants store keys that this module wraps.
 * Invariants: a ciphertext contains its key's id and decrypts only for its table, column and row; a key has one purpose
 * and one algorithm; all nodes have the same keys, also when they start concurrently on an empty database; a new key is
 * used only when every node has read it.
 * Example of a rotation: at 12:00:00 node A inserts a new current key for `password`. Until 12:01:00 all nodes encrypt with
 * the previous key; meanwhile each reads the new one (every 30 s). From then on all use the new key. The previous key
 * remains for decryption.
 */
export { destroyMonthKeys, type RecordRotation, wrappingKeyIds } from './data-keys.ts';
export { createKekOfDirectory, type KeyEncryptionKey, KeysUnusable, localKek, readKekOfDirectory } from './kek.ts';
export { type KeyRing, type KeyRingDeps, openKeys, type Reload, spreadSeconds } from './key-ring.ts';
export type { AssociatedData, KeyOwner, KeyPurpose, Keys, UserKey } from './keys.ts';
export { keyPurposes } from './purposes.ts';
export { keyOfSecret } from './secret-keys.ts';
