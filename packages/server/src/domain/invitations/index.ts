/**
 * Invitations to register. Owns `invitations`; no routes. An invitation is not a one-time token, because it has no user.
 *
 * Invariants:
 * - The secret is computed when the mail is rendered; only its hash is stored (invariant 15).
 * - One statement uses an invitation, so concurrent requests use it once (invariant 1).
 * - A new invitation revokes the earlier ones of its address.
 * - When an invitation is used or revoked, its address and its key are deleted from the row. The key encrypts the address
 *   in the audit log.
 *
 * Must not create the user: `domain/registrations` does, in the transaction that uses the invitation.
 */
export { insertInvitation, invitationLifetimeSeconds, type NewInvitation } from './issue.ts';
export { listOpenInvitations, type OpenInvitation, revokeInvitation } from './list.ts';
export { deleteExpiredInvitations, eraseInvitations } from './sweep.ts';
export {
  type ActiveInvitation,
  findActiveInvitation,
  findActiveInvitationById,
  findUsedInvitation,
  useInvitation,
  useInvitationById,
} from './use.ts';
