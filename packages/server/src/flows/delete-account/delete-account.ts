import type { AuditLog } from '#domain/audit/index.ts';
import { type RecentProof, type RecentProofDeps, requireRecentProof } from '#domain/authentication/index.ts';
import { type MailLedger, occasionOf } from '#domain/mail-ledger/index.ts';
import { issueToken, type OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { changeUser, type UserChange } from '#domain/user-changes/index.ts';
import { scheduleDeletion, type Users } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { CookieChange, Principal } from '#platform/http/index.ts';
import type { UserKey } from '#platform/keys/index.ts';

export interface DeleteAccount extends RecentProofDeps {
  readonly users: Users;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** Days from the request to the erasure; with 0 the deletion cannot be canceled. */
  readonly graceDays: number;
}

/** A browser forgets the account with its sessions. */
export const endedCookies: readonly CookieChange[] = [
  { cookie: 'session', change: 'expire' },
  { cookie: 'login', change: 'expire' },
  { cookie: 'device', change: 'expire' },
];

/**
 * Verifies the password or the recent authentication, then schedules the deletion in one transaction. Returns the end of
 * the grace period.
 */
export async function deleteAccount(
  flow: DeleteAccount,
  principal: Principal,
  currentPassword: string | undefined,
  requester: Requester,
): Promise<Date> {
  const { userId } = principal;
  const proof = await requireRecentProof(flow, principal, currentPassword);
  const userKey = await flow.users.key(userId);
  if (userKey === undefined) throw new Problem('not_authenticated', { log: 'the user was erased' });
  if (proof === 'wrong_password') return refuse(flow, principal, requester, userKey);
  const now = flow.clock.now();
  const deletesAt = addSeconds(now, flow.graceDays * 24 * 60 * 60);
  const deletion = deletionOf(flow, { principal, requester, proof, userKey, now, deletesAt });
  await flow.database.transaction((tx) => changeUser(flow, tx, requester, deletion));
  return deletesAt;
}

interface Deletion {
  readonly principal: Principal;
  readonly requester: Requester;
  readonly proof: RecentProof;
  readonly userKey: UserKey;
  readonly now: Date;
  readonly deletesAt: Date;
}

function deletionOf(flow: DeleteAccount, deletion: Deletion): UserChange {
  const { principal, proof, userKey, now, deletesAt } = deletion;
  const { userId, sessionId, authEpoch } = principal;
  return {
    userId,
    now,
    userKey,
    authEpoch,
    refusal: 'not_authenticated',
    raise: (tx) => scheduleDeletion(tx, { userId, deletesAt, now }),
    sessions: { kind: 'end_all', reason: 'account_deleted' },
    resets: proof === 'password' ? ['password_known_device'] : [],
    replacesLinks: 'cancel_deletion',
    event: ({ endedSessions: sessions }) => ({
      action: 'account.deletion_scheduled',
      actor: { kind: 'user', id: userId },
      sessionId,
      facts: { deletesAt: deletesAt.toISOString(), sessions },
    }),
    mail: (tx, changed) => makeMail(flow, tx, deletion, changed.authEpoch),
  };
}

/** The mail with the link that cancels the deletion; without a grace period, the notice that the account is deleted. */
async function makeMail(flow: DeleteAccount, tx: Queries, deletion: Deletion, authEpoch: number) {
  const { requester, userKey, now, deletesAt } = deletion;
  const { userId } = deletion.principal;
  const recipient = await flow.users.primaryEmail(userId, tx);
  if (recipient === undefined) return undefined;
  const mail = { ...recipient, userId, userKey, now, params: occasionOf(requester) };
  if (deletesAt <= now) return flow.mail.values({ ...mail, template: 'account_deleted', tokenId: null });
  const tokenId = flow.tokens.newId();
  const token = { id: tokenId, purpose: 'cancel_deletion', userId, authEpoch, sealedPayload: null } as const;
  const { identifierId } = recipient;
  await issueToken(tx, flow.tokens.values({ ...token, identifierId, now, expiresAt: deletesAt }));
  return flow.mail.values({ ...mail, template: 'account_deletion_scheduled', tokenId });
}

async function refuse(
  flow: DeleteAccount,
  { userId, sessionId }: Principal,
  requester: Requester,
  userKey: UserKey,
): Promise<never> {
  const actor = { kind: 'user', id: userId } as const;
  const event = { action: 'account.deletion_refused', at: flow.clock.now(), actor, userId, sessionId } as const;
  await flow.audit.record(flow.database, { ...event, personal: clientInfoOf(requester) }, userKey);
  throw new Problem('invalid_password');
}
