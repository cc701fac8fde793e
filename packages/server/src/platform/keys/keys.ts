/** The interface of key material for other modules: purposes and operations, never key bytes. */

/** The purposes of data keys. Each has one current key; retired keys remain for decryption. */
export type KeyPurpose =
  /** Wraps the keys of users, invitations and applicants. */
  | 'user_key'
  /** Encrypts password hashes (PHC strings), in place of a pepper (invariant 15). */
  | 'password'
  /** Computes mailed secrets. */
  | 'link'
  /** Computes the successor of a refresh token (invariant 5). */
  | 'rotation'
  /** Encrypts private signing keys. */
  | 'signing_key'
  /** Encrypts client secrets at identity providers. */
  | 'provider'
  /** Authenticates pagination cursors. */
  | 'cursor'
  /** Signs known-device tokens. */
  | 'device'
  /** Computes the HMACs of recovery codes. */
  | 'recovery'
  /** Authenticates the challenges of passkeys. */
  | 'ceremony'
  /** Computes the HMACs of identifiers and addresses in counters and the audit index. */
  | 'lookup'
  /** Encrypts personal fields of audit events without a user; one key per month. */
  | 'month';

/** The cell that stores a ciphertext. It is authenticated, so that a ciphertext copied to another cell does not decrypt. */
export interface AssociatedData {
  readonly table: string;
  readonly column: string;
  readonly row: string;
}

/** A row that owns a key: of a user, of an open invitation, or of an applicant without a user. */
export interface KeyOwner {
  readonly kind: 'user' | 'invitation' | 'applicant';
  readonly id: string;
}

/** An unwrapped personal key. Deleting the wrapped one makes everything that it encrypted unreadable. */
export interface UserKey {
  /** The id of its owner. */
  readonly id: string;
  readonly owner: KeyOwner['kind'];
  seal(plaintext: string | Uint8Array, associatedData: AssociatedData): Buffer;
  /** Throws `AssertionFailed` when the ciphertext is not of this key and associated data. */
  open(ciphertext: Uint8Array, associatedData: AssociatedData): Buffer;
}

/** The data keys of the deployment. They are loaded at start, and again when a ciphertext has an unknown key id. */
export interface Keys {
  /** Encrypts with AES-256-GCM and the current key of the purpose; the ciphertext contains the key's id. */
  seal(purpose: KeyPurpose, plaintext: string | Uint8Array, associatedData: AssociatedData): Buffer;
  open(purpose: KeyPurpose, ciphertext: Uint8Array, associatedData: AssociatedData): Buffer;
  /** HMAC-SHA-256 with the current key of the purpose, or with the key `keyId`. */
  mac(purpose: KeyPurpose, message: string | Uint8Array, keyId?: string): Buffer;
  currentKeyId(purpose: KeyPurpose): string;
  /** The ids of the current and the retired keys, to look up what an earlier key computed. */
  keyIds(purpose: KeyPurpose): readonly string[];
  /** Generates and wraps a user key; the caller stores `wrapped` in `user_keys`. */
  createUserKey(userId: string): { readonly key: UserKey; readonly wrapped: Buffer };
  unwrapUserKey(userId: string, wrapped: Uint8Array): UserKey;
  /** Generates and wraps the key of another owner, whose row stores `wrapped`. */
  createKeyFor(owner: KeyOwner): { readonly key: UserKey; readonly wrapped: Buffer };
}
