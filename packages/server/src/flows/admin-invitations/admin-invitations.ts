import type { AuditActor, AuditLog } from '#domain/audit/index.ts';
import { findHolderOfEmail } from '#domain/identifiers/index.ts';
import {
  insertInvitation,
  listOpenInvitations,
  type NewInvitation,
  type OpenInvitation,
  revokeInvitation,
} from '#domain/invitations/index.ts';
import { enqueueInvitationMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { Database } from '#platform/database/index.ts';
import type { Keys } from '#platform/keys/index.ts';

export interface AdminInvitations {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

/** `taken`: a user has verified the address. An unverified registration does not block an invitation, which supersedes it. */
export type CreatedInvitation =
  | { readonly kind: 'created'; readonly invitationId: string; readonly expiresAt: Date }
  | { readonly kind: 'taken'; readonly holderId: string };

/** Invites an address. Earlier invitations of the address are revoked. */
export async function createInvitation(
  flow: AdminInvitations,
  actor: AuditActor,
  { email, locale, role }: Pick<NewInvitation, 'email' | 'locale' | 'role'>,
): Promise<CreatedInvitation> {
  const holder = await findHolderOfEmail(flow.database, email.canonical);
  if (holder?.isProven === true) return { kind: 'taken', holderId: holder.userId };
  const id = flow.tokens.newId();
  const now = flow.clock.now();
  const expiresAt = await flow.database.transaction(async (tx) => {
    const { expiresAt: until, key } = await insertInvitation(tx, flow, { id, email, locale, role, now });
    await enqueueInvitationMail(tx, flow.mail.invitationValues({ invitationId: id, locale, now }));
    const facts = { invitationId: id, roles: role === null ? [] : [role] };
    const personal = { email: email.canonical };
    await flow.audit.record(tx, { action: 'invitation.created', at: now, actor, facts, personal }, key);
    return until;
  });
  return { kind: 'created', invitationId: id, expiresAt };
}

const firstId = '00000000-0000-0000-0000-000000000000';

/** A page of open invitations, oldest first, after the one with the id `after`. */
export async function listInvitations(
  { database, clock }: AdminInvitations,
  limit: number,
  after: string = firstId,
): Promise<{ readonly invitations: readonly OpenInvitation[]; readonly next: string | undefined }> {
  const found = await listOpenInvitations(database, { after, now: clock.now(), limit: limit + 1 });
  const invitations = found.slice(0, limit);
  return { invitations, next: found.length > limit ? invitations.at(-1)?.id : undefined };
}

/** Revokes an invitation. False when it is not open. */
export async function revoke(flow: AdminInvitations, actor: AuditActor, invitationId: string): Promise<boolean> {
  const now = flow.clock.now();
  return flow.database.transaction(async (tx) => {
    if (!(await revokeInvitation(tx, invitationId, now))) return false;
    await flow.audit.record(tx, { action: 'invitation.revoked', at: now, actor, facts: { invitationId } });
    return true;
  });
}
