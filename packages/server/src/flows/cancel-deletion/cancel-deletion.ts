/** Cancels a pending deletion, by the ticket of a login or by the mailed link. */

import type { AuditLog } from '#domain/audit/index.ts';
import { completeStep } from '#domain/authentication/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import { consume, findActive, revokeOthers } from '#domain/one-time-tokens/index.ts';
import { cancelDeletionOfUser, type Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';

/** Dependencies of the flow. */
export interface CancelDeletion {
  readonly database: Database;
  readonly clock: Clock;
  readonly users: Users;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
}

/** What authorizes the cancellation. */
export type Authorization = { readonly by: 'ticket' | 'link'; readonly text: string };

const refusals = { ticket: 'invalid_ticket', link: 'invalid_token' } as const satisfies Record<string, ProblemCode>;

/** Cancels the deletion and revokes what the grace period allowed, or throws the Problem of the rejection. */
export async function cancelDeletion(
  flow: CancelDeletion,
  { by, text }: Authorization,
  requester: Requester,
): Promise<void> {
  const cancel = (tx: Queries, { userId }: { readonly userId: string }) =>
    cancelFor(flow, tx, { userId, by }, requester);
  if (by === 'ticket') await completeStep(flow, text, 'cancel_deletion', cancel);
  else await consumeLink(flow, text, cancel);
}

async function consumeLink(
  flow: CancelDeletion,
  text: string,
  work: (tx: Queries, link: { readonly userId: string }) => Promise<void>,
): Promise<void> {
  const found = await findActive(flow.database, 'cancel_deletion', text, flow.clock.now());
  if (found === undefined) throw new Problem('invalid_token');
  await flow.database.transaction(async (tx) => {
    await flow.users.lock(tx, found.userId);
    const link = await consume(tx, 'cancel_deletion', text, flow.clock.now());
    if (link === undefined) throw new Problem('invalid_token');
    await work(tx, link);
  });
}

async function cancelFor(
  flow: CancelDeletion,
  tx: Queries,
  { userId, by }: { readonly userId: string; readonly by: Authorization['by'] },
  requester: Requester,
): Promise<void> {
  const now = flow.clock.now();
  const authEpoch = await cancelDeletionOfUser(tx, { userId, now });
  const userKey = await flow.users.key(userId, tx);
  if (authEpoch === undefined || userKey === undefined) throw new Problem(refusals[by]);
  await revokeOthers(tx, userId, 'cancel_deletion', now);
  const recipient = await flow.users.primaryEmail(userId, tx);
  if (recipient !== undefined) {
    const mail = { template: 'account_deletion_canceled', tokenId: null, params: {} } as const;
    await enqueueMail(tx, flow.mail.values({ ...recipient, ...mail, userId, userKey, now }));
  }
  const actor = { kind: 'user', id: userId } as const;
  const personal = clientInfoOf(requester);
  const event = { action: 'account.deletion_canceled', at: now, actor, userId, facts: { by }, personal } as const;
  await flow.audit.record(tx, event, userKey);
}
