/** Cancels a pending deletion, by the ticket of a login or by the mailed link. */

import type { AuditLog } from '#domain/audit/index.ts';
import { completeStep, type LoginGate } from '#domain/authentication/index.ts';
import { type MailLedger, occasionOf } from '#domain/mail-ledger/index.ts';
import { consume, findActive } from '#domain/one-time-tokens/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { cancelDeletionOfUser } from '#domain/users/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';

/** Dependencies of the flow. */
export interface CancelDeletion extends Pick<LoginGate, 'database' | 'clock' | 'users' | 'secondFactorFor'> {
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
}

/** The credential that authorizes the cancellation. */
export type Authorization =
  | { readonly by: 'link'; readonly text: string }
  | { readonly by: 'ticket'; readonly text: string; readonly browserHash?: Buffer | undefined };

const refusals = { ticket: 'invalid_ticket', link: 'invalid_token' } as const satisfies Record<string, ProblemCode>;

/** Cancels the deletion and revokes what the grace period allowed, or throws the Problem of the rejection. */
export async function cancelDeletion(
  flow: CancelDeletion,
  authorization: Authorization,
  requester: Requester,
): Promise<void> {
  const { by, text } = authorization;
  const cancel = (tx: Queries, { userId }: { readonly userId: string }) =>
    cancelFor(flow, tx, { userId, by }, requester);
  if (authorization.by === 'ticket') await completeStep(flow, text, 'cancel_deletion', cancel, authorization);
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
  const userKey = await flow.users.key(userId, tx);
  if (userKey === undefined) throw new Problem(refusals[by]);
  await changeUser(flow, tx, requester, {
    userId,
    now,
    userKey,
    refusal: refusals[by],
    raise: () => cancelDeletionOfUser(tx, { userId, now }),
    sessions: { kind: 'none' },
    replacesLinks: 'cancel_deletion',
    event: () => ({ action: 'account.deletion_canceled', actor: { kind: 'user', id: userId }, facts: { by } }),
    mail: async () => {
      const recipient = await flow.users.primaryEmail(userId, tx);
      const mail = { template: 'account_deletion_canceled', tokenId: null, params: occasionOf(requester) } as const;
      return recipient && flow.mail.values({ ...recipient, ...mail, userId, userKey, now });
    },
  });
}
