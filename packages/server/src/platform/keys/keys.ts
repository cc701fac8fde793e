/** What the rest of the program sees of key material: names and operations, never bytes of a key-encryption key. */

/** The purposes a data key can serve; one current key each, older ones kept for reading. */
export type KeyPurpose =
  /** Wraps the users' own keys. */
  | 'user_key'
  /** Encrypts the PHC strings of passwords: the pepper as a key over the hash (invariant 15). */
  | 'password'
  /** Computes mailed secrets. */
  | 'link'
  /** Computes the successor of a refresh token (invariant 5). */
  | 'rotation'
  /** Encrypts private signing keys. */
  | 'signing_key'
  /** Authenticates cursors. */
  | 'cursor'
  /** Signs known-device tokens. */
  | 'device'
  /** Keys the HMACs of identifiers and addresses in counters and the audit index. */
  | 'lookup'
  /** Encrypts personal fields that belong to nobody (audit, by month). */
  | 'nobody';

/** Where a ciphertext stands; authenticated with it, so that a ciphertext moved to another row does not open. */
export interface AssociatedData {
  readonly table: string;
  readonly column: string;
  readonly row: string;
}

/** A person's own key, unwrapped. Destroying its row is erasure. */
export interface UserKey {
  readonly id: string;
  seal(plaintext: string | Uint8Array, place: AssociatedData): Buffer;
  /** Throws `AssertionFailed` when the ciphertext does not belong to this key and place. */
  open(ciphertext: Uint8Array, place: AssociatedData): Buffer;
}

/** All data keys of the deployment, loaded once at start and reloaded when an unknown key id is met. */
export interface Keys {
  /** AES-256-GCM under the current key of the purpose; the ciphertext names its key. */
  seal(purpose: KeyPurpose, plaintext: string | Uint8Array, place: AssociatedData): Buffer;
  open(purpose: KeyPurpose, ciphertext: Uint8Array, place: AssociatedData): Buffer;
  /** HMAC-SHA-256 under the purpose's current key, or the one named. */
  mac(purpose: KeyPurpose, message: string | Uint8Array, keyId?: string): Buffer;
  currentKeyId(purpose: KeyPurpose): string;
  /** Makes and wraps a new user key; the caller stores `wrapped` in `user_keys`. */
  createUserKey(userId: string): { readonly key: UserKey; readonly wrapped: Buffer };
  unwrapUserKey(userId: string, wrapped: Uint8Array): UserKey;
}
