/** Removing a passkey, which ends what was issued before. */
import { occasionOf } from '#domain/mail-ledger/index.ts';
import { deletePasskey, listPasskeys } from '#domain/passkeys/index.ts';
import { endWithLastFactor } from '#domain/second-factors/index.ts';
import type { IssuedSession } from '#domain/session-issuance/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import { keyOf, type ManagePasskeys, type OwnPasskeys } from './manage-passkeys.ts';

/**
 * Removes a passkey: a factor goes, so the epoch rises, every other session ends and this one goes on under a new id. With
 * the last second factor two factors are off, and the recovery codes end.
 *
 * @throws Problem `passkey_not_found`, also for the passkey of another user.
 */
export async function removeOwn(
  flow: ManagePasskeys,
  id: string,
  principal: Principal,
  caller: Caller,
): Promise<{ readonly issued: IssuedSession; readonly left: OwnPasskeys }> {
  const { userId, sessionId } = principal;
  const now = flow.clock.now();
  const userKey = await keyOf(flow, userId);
  return flow.database.transaction(async (tx) => {
    const { applied, renewed } = await changeUser(flow, tx, caller, {
      userId,
      now,
      userKey,
      refusal: 'not_authenticated',
      apply: async () => {
        const removed = (await listPasskeys(tx, userId)).find((passkey) => passkey.id === id);
        if (removed === undefined || !(await deletePasskey(tx, id, userId))) throw new Problem('passkey_not_found');
        return { userHandle: removed.userHandle, turnedOff: await endWithLastFactor(tx, flow, userId) };
      },
      sessions: { kind: 'renew_acting', reason: 'factors_changed', sessionId, issuers: flow },
      event: ({ endedSessions, renewed: session, applied: { turnedOff } }) => ({
        action: 'passkey.removed',
        actor: { kind: 'user', id: userId },
        sessionId,
        facts: {
          passkeyId: id,
          turnedOff,
          endedSessions: endedSessions - 1,
          continuedAs: session?.sessionId ?? null,
        },
      }),
      mail: async (_, { applied: { turnedOff } }) => {
        const recipient = await flow.users.primaryEmail(userId, tx);
        const template = turnedOff ? 'second_factor_removed' : 'passkey_removed';
        const notice = { template, tokenId: null, params: occasionOf(caller) } as const;
        return recipient && flow.mail.values({ ...recipient, ...notice, userId, userKey, now });
      },
    });
    const left = { passkeys: await listPasskeys(tx, userId), userHandle: applied.userHandle };
    return { issued: present(renewed, 'the renewed session'), left };
  });
}
