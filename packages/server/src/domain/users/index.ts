/**
 * People and services. Owns `users`, `user_keys` and `erased_subjects`.
 * Invariants: a user's `auth_epoch` only grows; whatever carries an earlier epoch is dead by comparison (invariant 4);
 * raising it announces an ending in the same statement; the user's key is made with the user and dies with the user;
 * a closing user is kept or erased, whichever locks the row first, and an erased subject is never used again.
 */
export {
  cancelDeletionOfUser,
  eraseUser,
  listDueForErasure,
  revokeForErasure,
  scheduleDeletion,
} from './deletion.ts';
export { localeInput, nameInput } from './input.ts';
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
