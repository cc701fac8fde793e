/**
 * What an operator does with invitations from the command line: making, listing and revoking them. Owns no endpoint.
 * Every change commits with its audit event, whose actor is the operator, and an invitation with its mail.
 */
export {
  type AdminInvitations,
  type CreatedInvitation,
  createInvitation,
  listInvitations,
  revoke,
} from './admin-invitations.ts';
