/**
 * Key material: a key-encryption key outside the database wraps one data key for each purpose, which wraps everything
 * else. Owns the table `data_keys`; `user_keys` belongs to the users, who get their wrapped keys from here.
 * Invariants: every ciphertext names its key and is authentic only in its table, column and row; one key serves one
 * purpose with one algorithm; all nodes agree on the keys, also when they start at once on an empty database; a new key
 * is used only when every node has read it.
 */
export { type RecordRotation, wrappingKeyIds } from './data-keys.ts';
export { type KeyEncryptionKey, KeysUnusable, kekOfDirectory, localKek } from './kek.ts';
export { type KeyRing, type KeyRingDeps, openKeys, type Reload, spreadSeconds } from './key-ring.ts';
export type { AssociatedData, KeyPurpose, Keys, UserKey } from './keys.ts';
export { keyPurposes } from './purposes.ts';
