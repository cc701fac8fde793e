/**
 * Passwords: the rules for new ones, the breach check, Argon2id hashing and the stored hash. Owns `passwords`; no routes.
 *
 * Invariants:
 * - The stored PHC string is encrypted under the data key `password` (invariant 15).
 * - Every wrong password computes a current hash, also when the user does not exist, has no password, or has a hash of
 *   another product (invariant 13).
 * - A comparison with a hash of another product takes at most about one second and 128 MiB, and never the event loop.
 * - Hashing runs in a bounded queue and never while a database connection is held (invariant 14).
 * - `PasswordHashes.compute` takes an `AcceptedPassword`, and only `PasswordRules` returns one: no flow can set a
 *   password that the rules have not accepted.
 *
 * Must not log, store or send a password; even the breach service only gets five digits of its SHA-1.
 */
export type { AcceptedPassword } from './accepted-password.ts';
export { Adviser } from './advice.ts';
export {
  BreachedPasswords,
  type BreachServiceSettings,
  type FailedBreachCheck,
} from './breached/breached-passwords.ts';
export { buildPasswordFilter, PasswordListUnusable } from './breached/build-filter.ts';
export { type PasswordFilterHeader, passwordFilterBytes } from './breached/filter-format.ts';
export { PasswordFilter, PasswordFilterUnusable } from './breached/password-filter.ts';
export { HashQueue } from './hash-queue.ts';
export { PasswordHashes } from './hashes.ts';
export { passwordInput } from './input.ts';
export { openHash } from './open-hash.ts';
export { limitsOf, type PasswordPolicy, type PasswordProfile, passwordPolicies, tickedPatterns } from './policy.ts';
export { type ProvePassword, provePassword } from './prove-password.ts';
export { PasswordRules, passwordComplaint } from './rules.ts';
export {
  deletePassword,
  passwordAssociatedData,
  rehashPasswordFragment,
  setPassword,
  upsertPasswordFragment,
} from './stored.ts';
