/**
 * Administration of invitations: create, list, revoke. Called by the command line. Owns the mail `invitation`; no routes
 * and no tables.
 *
 * Every change commits with its audit event, whose actor the caller passes; an invitation commits with its mail.
 */
export {
  type AdminInvitations,
  type CreatedInvitation,
  createInvitation,
  listInvitations,
  revoke,
} from './admin-invitations.ts';
