/** The user's switch of two-step sign-in, for a user who has a second factor set up. */
import { type MailTemplate, occasionOf } from '#domain/mail-ledger/index.ts';
import { hasSecondFactor, isRequiredOf } from '#domain/second-factors/index.ts';
import type { IssuedSession } from '#domain/session-issuance/index.ts';
import { changeUser, UnchangedUser, type UserChange, unlessUnchanged } from '#domain/user-changes/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { ManageFactors } from './manage-factors.ts';

/**
 * Turns two-step sign-in on or off. Every other session ends, and the acting one is renewed. Returns undefined, and changes
 * nothing, when it is that way already.
 *
 * @throws Problem `no_second_factor` to turn it on without one; `second_factor_required` to turn it off where a rule of the
 * deployment demands it; `step_up_required` to turn it on by a session of one factor, which the rule would not allow.
 */
export async function setMfa(
  flow: ManageFactors,
  enabled: boolean,
  principal: Principal,
  caller: Caller,
): Promise<IssuedSession | undefined> {
  const result = await unlessUnchanged(() =>
    flow.database.transaction(async (tx) =>
      changeUser(flow, tx, caller, await changeOf(flow, tx, enabled, principal, caller)),
    ),
  );
  if (!(result instanceof UnchangedUser)) return result.renewed;
  // Without a status it is the acting session that is missing: another change has ended it.
  if (result.status === undefined) throw new Problem('not_authenticated');
  return undefined;
}

async function changeOf(
  flow: ManageFactors,
  tx: Queries,
  enabled: boolean,
  { userId, sessionId, acr }: Principal,
  caller: Caller,
): Promise<UserChange> {
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  const userKey = await flow.users.key(userId, tx);
  if (userKey === undefined) throw new Problem('not_authenticated', { log: 'the user was erased' });
  const template: MailTemplate = enabled ? 'two_step_on' : 'two_step_off';
  return {
    userId,
    now,
    userKey,
    apply: async () => {
      if (enabled) await requireFactor(flow, tx, userId, acr);
      else if (await isRequiredOf(tx, flow.secondFactorFor, userId)) throw new Problem('second_factor_required');
    },
    raise: async () => ((await flow.users.setMfa(tx, userId, enabled)) ? flow.users.raiseEpoch(tx, userId) : undefined),
    sessions: { kind: 'renew_acting', reason: 'factors_changed', sessionId, issuers: flow },
    event: ({ endedSessions, renewed }) => ({
      action: enabled ? 'mfa.turned_on' : 'mfa.turned_off',
      actor: { kind: 'user', id: userId },
      sessionId,
      facts: { endedSessions: endedSessions - 1, continuedAs: renewed?.sessionId ?? null },
    }),
    mail: async () => {
      const recipient = await flow.users.primaryEmail(userId, tx);
      const notice = { template, tokenId: null, params: occasionOf(caller) };
      return recipient && flow.mail.values({ ...recipient, ...notice, userId, userKey, now });
    },
  };
}

async function requireFactor(flow: ManageFactors, tx: Queries, userId: string, acr: string): Promise<void> {
  if (!(await hasSecondFactor(tx, userId))) throw new Problem('no_second_factor');
  if (acr === '1') throw new Problem('step_up_required', { maxAgeSeconds: flow.stepUpSeconds });
}
