/**
 * What an operator does with users from the command line: making, finding, listing, disabling, enabling them, ending
 * their sessions, changing their roles, and keeping metadata about them. Owns no endpoint. Every change commits with its audit event, whose
 * actor is the operator; whatever ends is ended in this process at once and on every other node within a second.
 */

export type { AdminUsers } from './admin-users.ts';
export { changeMetadata } from './change-metadata.ts';
export { type Change, disableUser, enableUser, endSessions, grantRole, withdrawRole } from './change-user.ts';
export { type CreatedUser, createUser, type NewUser } from './create-user.ts';
export { type AdminUser, findUser, listUsers, showUser } from './find-user.ts';
export { unlockUser } from './unlock-user.ts';
