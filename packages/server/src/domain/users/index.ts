/**
 * People and services. Owns `users`, `user_keys` and `erased_subjects`.
 * Invariants: a user's `auth_epoch` only grows; whatever carries an earlier epoch is dead by comparison (DESIGN §5.4);
 * raising it announces an ending in the same statement; the user's key is made with the user and dies with the user;
 * a closing user is kept or erased, whichever locks the row first, and an erased subject is never used again.
 */
export {
  announceErasure,
  closeUser,
  eraseUser,
  keepUser,
  listDueForErasure,
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
  type Effect,
  effects,
  type Fate,
  fates,
  linksOutlivingEpoch,
  type Thing,
  things,
  whatEnds,
} from './revocation-matrix.ts';
export { deleteAbandonedUsers, deleteUnprovenUser } from './sweep.ts';
export { insertUserFragment, isLive, type UserStatus } from './user.ts';
export { type Recipient, type UserEnding, type UserProfile, Users } from './users.ts';
