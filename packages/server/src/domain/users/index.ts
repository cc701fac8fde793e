/**
 * Users. Owns `users`, `user_keys` and `erased_subjects`; no routes.
 *
 * Invariants:
 * - `auth_epoch` only grows, and everything that carries an earlier epoch is invalid by comparison (invariant 4). The
 *   statement that raises it inserts the revocation.
 * - The user's key is created and deleted with the user.
 * - An account in its grace period is either restored or erased: the lock of the row decides. An erased subject is
 *   never used again.
 *
 * Changes that raise the epoch go through `changeUser` (domain/user-changes).
 */
export {
  cancelDeletionOfUser,
  eraseUser,
  listDueForErasure,
  revokeForErasure,
  scheduleDeletion,
} from './deletion.ts';
export { firstLocale, localeInput, nameInput } from './input.ts';
export {
  changeProfile,
  findMetadata,
  type Metadata,
  maxMetadataBytes,
  type ProfileFields,
  replaceMetadata,
} from './profile.ts';
export {
  type Credential,
  credentials,
  type Effect,
  effects,
  linksOutlivingEpoch,
  type Outcome,
  outcomes,
  revocationMatrix,
} from './revocation-matrix.ts';
export { deleteAbandonedUsers, deleteUnprovenUser } from './sweep.ts';
export { insertUserFragment, isActive, type UserStatus } from './user.ts';
export { type Recipient, type UserProfile, Users } from './users.ts';
