/** The user's own second factors: an authenticator app, and recovery codes. */
import type { AuditLog } from '#domain/audit/index.ts';
import { contextWithProof } from '#domain/authentication/index.ts';
import { enqueueMail, type MailLedger, type MailTemplate, occasionOf } from '#domain/mail-ledger/index.ts';
import { listPasskeys } from '#domain/passkeys/index.ts';
import { countRecoveryCodes, makeRecoveryCodes } from '#domain/recovery-codes/index.ts';
import {
  beginTotp,
  compareFirstCode,
  type Enrollment,
  endWithLastFactor,
  type SecondFactorRule,
  type TotpEnrollment,
  turnTotpOn,
} from '#domain/second-factors/index.ts';
import type { IssuedSession, Issuers } from '#domain/session-issuance/index.ts';
import { deleteTotp, describeTotp } from '#domain/totp/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

/** Dependencies of the flow. */
export interface ManageFactors extends Issuers, TotpEnrollment {
  readonly keys: Keys;
  readonly secondFactorFor: SecondFactorRule;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** How old the authentication of a session may be that changes its factors. */
  readonly stepUpSeconds: number;
}

/** The second factors of the user. */
export async function describeFactors({ database }: ManageFactors, { userId }: Principal) {
  const [totp, recoveryCodes, passkeys] = await Promise.all([
    describeTotp(database, userId),
    countRecoveryCodes(database, userId),
    listPasskeys(database, userId),
  ]);
  return { totp, recoveryCodes, passkeys };
}

/** Makes a secret that becomes a factor with its first code. */
export async function beginOwnTotp(flow: ManageFactors, { userId, email }: Principal): Promise<Enrollment> {
  const userKey = await keyOf(flow, userId);
  return beginTotp(flow, { userId, userKey, account: email ?? userId });
}

/** The renewed session, and the recovery codes when they were made now. */
export interface ConfirmedTotp {
  readonly issued: IssuedSession;
  readonly recoveryCodes: readonly string[] | undefined;
}

/**
 * Turns two factors on by the first code of a new secret. The first time also makes the recovery codes. Every other
 * session is revoked, because a session of one factor must not outlive the rule.
 *
 * @throws `enrollment_expired` without a pending secret, `invalid_code` for a wrong code.
 */
export async function finishTotp(
  flow: ManageFactors,
  code: string,
  principal: Principal,
  caller: Caller,
): Promise<ConfirmedTotp> {
  const { userId } = principal;
  const now = flow.clock.now();
  const userKey = await keyOf(flow, userId);
  const step = await compareFirstCode(flow, { userId, userKey }, code);
  const changed = await flow.database.transaction((tx) =>
    changeFactors(
      flow,
      tx,
      { principal, caller, userKey, now },
      {
        apply: () => turnTotpOn(tx, flow, step, now),
        proves: 'totp',
        action: 'factor.enrolled',
        template: () => 'second_factor_added',
      },
    ),
  );
  return { issued: changed.issued, recoveryCodes: changed.applied };
}

/**
 * Removes the authenticator app. Unless a passkey is left, two factors are off, and the recovery codes end.
 *
 * @throws `no_second_factor` when there is none, `second_factor_required` where a rule of the deployment demands one.
 */
export async function removeTotp(flow: ManageFactors, principal: Principal, caller: Caller): Promise<IssuedSession> {
  const { userId } = principal;
  const now = flow.clock.now();
  const userKey = await keyOf(flow, userId);
  const changed = await flow.database.transaction((tx) =>
    changeFactors(
      flow,
      tx,
      { principal, caller, userKey, now },
      {
        apply: () => removeApp(flow, tx, userId),
        proves: undefined,
        action: 'factor.removed',
        template: (isOff) => (isOff ? 'second_factor_removed' : 'authenticator_removed'),
      },
    ),
  );
  return changed.issued;
}

/** Returns whether two factors are off now. */
async function removeApp(flow: ManageFactors, tx: Queries, userId: string): Promise<boolean> {
  if (!(await deleteTotp(tx, userId))) throw new Problem('no_second_factor');
  return endWithLastFactor(tx, flow, userId);
}

interface Acting {
  readonly principal: Principal;
  readonly caller: Caller;
  readonly userKey: UserKey;
  readonly now: Date;
}

interface FactorChange<A> {
  readonly apply: () => Promise<A>;
  /** The factor that the request proved, which the renewed session then has. */
  readonly proves: 'totp' | undefined;
  readonly action: 'factor.enrolled' | 'factor.removed';
  readonly template: (applied: A) => MailTemplate;
}

async function changeFactors<A>(
  flow: ManageFactors,
  tx: Queries,
  { principal, caller, userKey, now }: Acting,
  { apply, proves, action, template }: FactorChange<A>,
) {
  const { userId, sessionId } = principal;
  const changed = await changeUser<A>(flow, tx, caller, {
    userId,
    now,
    userKey,
    refusal: 'not_authenticated',
    apply,
    sessions: {
      kind: 'renew_acting',
      reason: 'factors_changed',
      sessionId,
      issuers: flow,
      ...(proves && { context: (acting) => contextWithProof(acting, { by: proves }, now) }),
    },
    event: ({ endedSessions, renewed }) => ({
      action,
      actor: { kind: 'user', id: userId },
      sessionId,
      facts: { kind: 'totp', endedSessions: endedSessions - 1, continuedAs: renewed?.sessionId ?? null },
    }),
    mail: async (_, { applied }) => noticeOf(flow, tx, { principal, caller, userKey, now }, template(applied)),
  });
  return { issued: present(changed.renewed, 'the renewed session'), applied: changed.applied };
}

/**
 * Replaces the recovery codes. The old ones end; sessions live.
 *
 * @throws `no_second_factor` for a user without one.
 */
export async function replaceRecoveryCodes(
  flow: ManageFactors,
  principal: Principal,
  caller: Caller,
): Promise<readonly string[]> {
  const { userId, sessionId } = principal;
  const now = flow.clock.now();
  const userKey = await keyOf(flow, userId);
  return flow.database.transaction(async (tx) => {
    if ((await flow.users.lock(tx, userId)) === undefined) throw new Problem('not_authenticated');
    if (!(await flow.users.hasMfa(tx, userId))) throw new Problem('no_second_factor');
    const codes = await makeRecoveryCodes(tx, flow, userId, now);
    const event = {
      action: 'recovery_codes.made',
      at: now,
      actor: { kind: 'user', id: userId },
      userId,
      sessionId,
    } as const;
    await flow.audit.record(tx, { ...event, personal: clientInfoOf(caller) }, userKey);
    const notice = await noticeOf(flow, tx, { principal, caller, userKey, now }, 'recovery_codes_made');
    if (notice !== undefined) await enqueueMail(tx, notice);
    return codes;
  });
}

async function noticeOf(
  flow: ManageFactors,
  tx: Queries,
  { principal: { userId }, caller, userKey, now }: Acting,
  template: MailTemplate,
) {
  const recipient = await flow.users.primaryEmail(userId, tx);
  const notice = { template, tokenId: null, params: occasionOf(caller) };
  return recipient && flow.mail.values({ ...recipient, ...notice, userId, userKey, now });
}

async function keyOf({ users }: ManageFactors, userId: string): Promise<UserKey> {
  const userKey = await users.key(userId);
  // The user was erased since the session check.
  if (userKey === undefined) throw new Problem('not_authenticated');
  return userKey;
}
