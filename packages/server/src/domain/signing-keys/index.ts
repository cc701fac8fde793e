/**
 * The keys that sign access tokens. Owns the table `signing_keys`.
 * Invariants: there is exactly one active key and at most one next key, on all nodes the same ones; a key is published
 * in the JWKS for as long as others cache it before it signs, and after it signed until its last token has ended; a
 * private half is stored only sealed, and is erased when its key retires; a key that is revoked is announced to every
 * node in the same statement, and is published no more.
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
