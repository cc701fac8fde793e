/**
 * Administration of users: create, find, list, disable, enable, unlock, end sessions, reset second factors, change roles and metadata. Called by
 * the command line; owns no routes and no tables.
 *
 * Invariants:
 * - Every change commits with its audit event; the caller passes the actor.
 * - A change of status or roles raises the epoch and ends every session: at once in this process, on every other node within
 *   one second.
 */
export type { AdminUsers } from './admin-users.ts';
export { changeMetadata } from './change-metadata.ts';
export {
  type Change,
  disableUser,
  enableUser,
  endSessions,
  grantRole,
  resetFactors,
  withdrawRole,
} from './change-user.ts';
export { type CreatedUser, createUser, type NewUser } from './create-user.ts';
export { type AdminUser, findUser, type ListedFactor, listFactors, listUsers, showUser } from './find-user.ts';
export { unlockUser } from './unlock-user.ts';
