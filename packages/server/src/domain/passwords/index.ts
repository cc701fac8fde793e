/**
 * Passwords. Owns `passwords`.
 * Invariants: the stored PHC string is itself encrypted under the password key (the pepper is a key over the hash,
 * DESIGN §5.15); a hash is computed for every attempt, also when there is nobody to compare with (§5.13); hashing runs
 * in a bounded queue and never while a connection is held (§5.14).
 */
export { type ProvePassword, provePassword } from './current.ts';
export { HashQueue } from './hash-queue.ts';
export { PasswordHashes } from './hashes.ts';
export { type PasswordInput, passwordComplaint, passwordInput } from './input.ts';
export { passwordPlace, rehashPasswordFragment, setPassword, upsertPasswordFragment } from './stored.ts';
