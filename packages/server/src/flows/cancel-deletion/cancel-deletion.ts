/** Keeping an account that was closing: by the ticket of a login, or by the mailed link. */

import type { AuditLog } from '#domain/audit/index.ts';
import { consumeTicket, findTicket, stepOfLogin } from '#domain/authentication/index.ts';
import type { Clients } from '#domain/clients/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import { consume, findActive, revokeOthers } from '#domain/one-time-tokens/index.ts';
import { cancelDeletionOfUser, type Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';

/** What keeping needs. */
export interface CancelDeletion {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly clients: Clients;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
}

/** What somebody shows to keep an account. */
export type Proof = { readonly kind: 'ticket' | 'link'; readonly text: string };

const refusals = { ticket: 'invalid_ticket', link: 'invalid_token' } as const satisfies Record<string, ProblemCode>;

/** Whose account the proof keeps, without using it; undefined when it is dead. */
async function findOwner(flow: CancelDeletion, { kind, text }: Proof): Promise<string | undefined> {
  const now = flow.clock.now();
  if (kind === 'ticket') return (await findTicket(flow.database, text, now))?.userId;
  return (await findActive(flow.database, 'cancel_deletion', text, now))?.userId;
}

/** Keeps the account, or throws the problem that says why not. Ends what the grace period began, the ticket included. */
export async function cancelDeletion(flow: CancelDeletion, proof: Proof, caller: Caller): Promise<void> {
  const userId = await findOwner(flow, proof);
  if (userId === undefined) throw new Problem(refusals[proof.kind]);
  await flow.database.transaction((tx) => keep(flow, tx, userId, proof, caller));
}

async function keep(flow: CancelDeletion, tx: Queries, userId: string, proof: Proof, caller: Caller): Promise<void> {
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  await useProof(tx, proof, now);
  const { accessTokenLifetimeSeconds } = flow.clients.default;
  const ending = await cancelDeletionOfUser(tx, { userId, now, accessTokenLifetimeSeconds });
  const userKey = await flow.users.key(userId, tx);
  if (ending === undefined || userKey === undefined) throw new Problem(refusals[proof.kind]);
  await revokeOthers(tx, userId, 'cancel_deletion', now);
  const recipient = await flow.users.primaryEmail(userId, tx);
  if (recipient !== undefined) {
    const mail = {
      ...recipient,
      template: 'account_deletion_canceled',
      userId,
      userKey,
      tokenId: null,
      params: {},
      now,
    } as const;
    await enqueueMail(tx, flow.mail.values(mail));
  }
  const actor = { kind: 'user', id: userId } as const;
  const personal = clientInfoOf(caller);
  const event = {
    action: 'account.deletion_canceled',
    at: now,
    actor,
    userId,
    facts: { by: proof.kind },
    personal,
  } as const;
  await flow.audit.record(tx, event, userKey);
}

async function useProof(tx: Queries, { kind, text }: Proof, now: Date): Promise<void> {
  if (kind === 'link') {
    if ((await consume(tx, 'cancel_deletion', text, now)) === undefined) throw new Problem('invalid_token');
    return;
  }
  const login = await consumeTicket(tx, text, now);
  if (login === undefined) throw new Problem('invalid_ticket');
  if ((await stepOfLogin(tx, login)) !== 'cancel_deletion') throw new Problem('login_incomplete');
}
