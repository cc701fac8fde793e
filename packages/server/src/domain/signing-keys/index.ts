/**
 * The keys that sign access tokens. Owns the table `signing_keys`; no routes.
 *
 * Invariants:
 * - There is exactly one active key and at most one next key, the same on all nodes.
 * - A key is published in the JWKS for as long as caches keep it before it signs, and afterwards until its last token
 *   has expired.
 * - A private half is stored only encrypted, and is erased when its key retires.
 * - The statement that revokes a key inserts the revocation; the key leaves the JWKS.
 */
export {
  jwksCacheSeconds,
  listSigningKeys,
  type Reload,
  type RevocationRequest,
  type Rotation,
  type RotationRequest,
  refreshSeconds,
  type SigningKeyEntry,
  SigningKeys,
  type SigningKeysDeps,
} from './signing-keys.ts';
export type { KeyRevocation, SigningKeyState } from './stored-keys.ts';
