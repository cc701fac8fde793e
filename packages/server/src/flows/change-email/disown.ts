/** "No, this wasn't me" at the old address, where both addresses must confirm. */
import { consume, findUsed, revokeOthers, sideOf, type UsedToken } from '#domain/one-time-tokens/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { ChangeEmail } from './change-email.ts';
import { readConfirmLink } from './confirm.ts';

/**
 * Cancels the change. Sessions stay: the reader of the mailbox is sent to set a new password, which ends them.
 * Only the link at the old address does this, since the new one may be a stranger's.
 *
 * @throws Problem `invalid_token`.
 */
export async function disownChange(flow: ChangeEmail, text: string, requester: Requester): Promise<void> {
  const link = await readConfirmLink(flow, text);
  if (link === undefined || sideOf(link.token) !== 'old_address') throw new Problem('invalid_token');
  const { userId } = link.token;
  const now = flow.clock.now();
  await flow.database.transaction(async (tx) => {
    await flow.users.lock(tx, userId);
    const used = await consume(tx, 'confirm_email_change', text, now, { outcome: 'disowned' });
    if (used === undefined) throw new Problem('invalid_token');
    await revokeOthers(tx, userId, 'confirm_email_change', now);
    const event = { action: 'email.change_canceled', at: now, actor: { kind: 'user', id: userId }, userId } as const;
    const facts = { at: 'old_address' };
    await flow.audit.record(tx, { ...event, facts, personal: clientInfoOf(requester) }, link.userKey);
  });
}

/** Returns a link whose change was canceled by it. */
export async function findDisowned(flow: ChangeEmail, text: string): Promise<UsedToken | undefined> {
  const used = await findUsed(flow.database, 'confirm_email_change', text);
  return used?.wasDisowned ? used : undefined;
}
