/**
 * Passwords. Owns `passwords`.
 * Invariants: the stored PHC string is itself encrypted under the password key (the pepper is a key over the hash,
 * invariant 15); a hash is computed for every attempt, also when there is nobody to compare with (invariant 13); hashing runs
 * in a bounded queue and never while a connection is held (invariant 14); what is hashed for the first time is an
 * `AcceptedPassword`, which only `PasswordRules` makes, so that no path to a password goes round them.
 */
export type { AcceptedPassword } from './accepted.ts';
export { Adviser } from './advice.ts';
export { BreachedPasswords, type BreachServiceSettings, type UnansweredCheck } from './breached/breached-passwords.ts';
export {
  buildFilter,
  type FilterHeader,
  FilterUnusable,
  filterBytes,
  ListUnusable,
  PasswordFilter,
} from './breached/filter.ts';
export { type ProvePassword, provePassword } from './current.ts';
export { HashQueue } from './hash-queue.ts';
export { PasswordHashes } from './hashes.ts';
export { passwordInput } from './input.ts';
export { openHash } from './open-hash.ts';
export { limitsOf, type PasswordPolicy, type PasswordProfile, passwordPolicies } from './policy.ts';
export { PasswordRules, passwordComplaint } from './rules.ts';
export { passwordAssociatedData, rehashPasswordFragment, setPassword, upsertPasswordFragment } from './stored.ts';
