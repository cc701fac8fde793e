/**
 * Encoded password hashes: Argon2id (RFC 9106), which this product computes, and the schemes of other products, which
 * imported users have. Computes the schemes that need no native library; `domain/passwords` computes the others, decides
 * the thread, and stores these texts encrypted.
 * Invariants: every text that differs from a documented form is rejected, and no text has two readings. An Argon2id string
 * has exactly one accepted form, so parsing and formatting return the same text.
 * It must not decide whether a login succeeds.
 */
import { isAffordable } from './cost.ts';
import { parsePasswordHash } from './parse.ts';

export { type Argon2idHash, type Argon2idParameters, formatPhc, needsRehash, parsePhc } from './argon2.ts';
export type { BcryptHash } from './bcrypt.ts';
export { estimateCost, type HashCost, isAffordable } from './cost.ts';
export { phcOfKeycloak } from './keycloak.ts';
export {
  type DerivedKeyHash,
  type IteratedDigestHash,
  matchesDerivedKey,
  matchesIteratedDigest,
} from './matching.ts';
export { type OldHash, type PasswordHash, parsePasswordHash } from './parse.ts';
export { matchesPlainDigest } from './plain-digest.ts';

/** Whether an import may store the text: a known form, and a comparison takes at most about one second and 128 MiB. */
export function acceptsImportedHash(text: string): boolean {
  const hash = parsePasswordHash(text);
  return hash !== null && isAffordable(hash);
}
