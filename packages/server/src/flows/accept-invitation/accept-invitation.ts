/** What accepting does. */
import type { AuditLog } from '#domain/audit/index.ts';
import { findLiveInvitation, type LiveInvitation, useInvitation } from '#domain/invitations/index.ts';
import type { PasswordHashes } from '#domain/passwords/index.ts';
import { createVerifiedUser } from '#domain/registrations/index.ts';
import { isRole } from '#domain/roles/index.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { Keys } from '#platform/keys/index.ts';

/** What accepting needs. */
export interface AcceptInvitation {
  readonly mode: 'open' | 'invite' | 'closed';
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
  /** Called after each, for the counter. */
  readonly onAccepted: () => void;
}

/** What an invited person sends. */
export interface Acceptance {
  readonly token: string;
  readonly name: string;
  readonly password: string;
  /** Undefined: the invitation's. */
  readonly locale: string | undefined;
}

/** Looks at an invitation without using it. Where nobody may register, none is alive. */
export async function readInvitation(flow: AcceptInvitation, token: string): Promise<LiveInvitation | undefined> {
  return flow.mode === 'closed' ? undefined : findLiveInvitation(flow.database, token, flow.clock.now());
}

/**
 * Makes the account: the invitation's address, which the mail has reached, is proven by it.
 * An address that somebody has meanwhile is refused like a dead link, and the invitation stays as it was.
 */
export async function acceptInvitation(flow: AcceptInvitation, acceptance: Acceptance, caller: Caller): Promise<void> {
  const { token, password } = acceptance;
  if ((await readInvitation(flow, token)) === undefined) throw new Problem('invalid_token');
  const phc = await flow.hashes.compute(password);
  await flow.database.transaction((tx) => use(flow, tx, acceptance, phc, caller));
  flow.onAccepted();
}

async function use(
  flow: AcceptInvitation,
  tx: Queries,
  { token, name, locale }: Acceptance,
  phc: string,
  caller: Caller,
): Promise<void> {
  const now = flow.clock.now();
  const invitation = await useInvitation(tx, token, now);
  if (invitation === undefined) throw new Problem('invalid_token');
  const userId = flow.makeId();
  const { asTyped, canonical, role } = invitation;
  const roles = role !== null && isRole(role) ? [role] : [];
  const user = { userId, email: { asTyped, canonical }, name, locale: locale ?? invitation.locale, roles, phc, now };
  const made = await createVerifiedUser(tx, flow, user, {
    action: 'invitation.accepted',
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    facts: { invitationId: invitation.id, roles },
    personal: { address: caller.address, userAgent: caller.userAgent ?? '' },
  });
  // Thrown, so that the transaction takes the use of the invitation back.
  if (!made) throw new Problem('invalid_token', { log: 'the invited address belongs to somebody' });
}
