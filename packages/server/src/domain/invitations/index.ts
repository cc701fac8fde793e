/**
 * Invitations of people who have no account yet. Owns `invitations`.
 * Invariants: the secret is computed when the mail is rendered and stored as its hash only; an invitation is used once,
 * whoever else tries at the same time; making one revokes those that the address had before; the address goes from the
 * row with the invitation's end.
 */

export { insertInvitation, invitationLifetimeSeconds, type NewInvitation } from './issue.ts';
export { listOpenInvitations, type OpenInvitation, revokeInvitation } from './list.ts';
export { deleteExpiredInvitations } from './sweep.ts';
export { type ActiveInvitation, findActiveInvitation, useInvitation } from './use.ts';
