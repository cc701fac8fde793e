/** Closing, top to bottom: prove the password, then everything in one transaction. */

import { resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import { issueToken, type OneTimeTokens, revokeOthers } from '#domain/one-time-tokens/index.ts';
import { type PasswordHashes, provePassword } from '#domain/passwords/index.ts';
import { endSessionsOfUser } from '#domain/sessions/index.ts';
import { scheduleDeletion, type Users } from '#domain/users/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

/** What closing needs. */
export interface DeleteAccount {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly users: Users;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** Days from closing to erasure; 0 leaves nothing to keep. */
  readonly graceDays: number;
}

/** Closes the caller's account; answers when the grace period ends. */
export async function deleteAccount(
  flow: DeleteAccount,
  principal: Principal,
  currentPassword: string,
  caller: Caller,
): Promise<Date> {
  const { userId } = principal;
  const proven = await provePassword(flow, userId, currentPassword);
  const userKey = await flow.users.key(userId);
  if (userKey === undefined) throw gone();
  if (!proven) return refuse(flow, principal, caller, userKey);
  const now = flow.clock.now();
  const deletesAt = addSeconds(now, flow.graceDays * 24 * 60 * 60);
  const closing = { principal, caller, userKey, now, deletesAt };
  await flow.database.transaction((tx) => close(flow, tx, closing));
  return deletesAt;
}

interface Closing {
  readonly principal: Principal;
  readonly caller: Caller;
  readonly userKey: UserKey;
  readonly now: Date;
  readonly deletesAt: Date;
}

async function close(flow: DeleteAccount, tx: Queries, closing: Closing): Promise<void> {
  const { principal, caller, userKey, now, deletesAt } = closing;
  const { userId, sessionId } = principal;
  const locked = await flow.users.lock(tx, userId);
  if (locked?.authEpoch !== principal.authEpoch) throw gone();
  const authEpoch = await scheduleDeletion(tx, { userId, deletesAt, now });
  if (authEpoch === undefined) throw gone();
  const sessions = await endSessionsOfUser(tx, { userId, reason: 'account_deleted', now });
  await resetFailedAttempts(tx, userId, 'password_known_device');
  await revokeOthers(tx, userId, 'cancel_deletion', now);
  await tell(flow, tx, closing, authEpoch);
  const actor = { kind: 'user', id: userId } as const;
  const facts = { deletesAt: deletesAt.toISOString(), sessions };
  const event = { action: 'account.deletion_scheduled', at: now, actor, userId, sessionId, facts } as const;
  await flow.audit.record(tx, { ...event, personal: clientInfoOf(caller) }, userKey);
}

/** The mail with the keep link, or, when there is no grace, the one that says goodbye. */
async function tell(flow: DeleteAccount, tx: Queries, closing: Closing, authEpoch: number): Promise<void> {
  const { userKey, now, deletesAt } = closing;
  const { userId } = closing.principal;
  const recipient = await flow.users.primaryEmail(userId, tx);
  if (recipient === undefined) return;
  const mail = { ...recipient, userId, userKey, now, params: {} };
  if (deletesAt <= now) {
    await enqueueMail(tx, flow.mail.values({ ...mail, template: 'account_deleted', tokenId: null }));
    return;
  }
  const tokenId = flow.tokens.newId();
  const token = { id: tokenId, purpose: 'cancel_deletion', userId, authEpoch, sealedPayload: null } as const;
  await issueToken(
    tx,
    flow.tokens.values({ ...token, identifierId: recipient.identifierId, now, expiresAt: deletesAt }),
  );
  await enqueueMail(tx, flow.mail.values({ ...mail, template: 'account_deletion_scheduled', tokenId }));
}

async function refuse(flow: DeleteAccount, principal: Principal, caller: Caller, userKey: UserKey): Promise<never> {
  const { userId, sessionId } = principal;
  const actor = { kind: 'user', id: userId } as const;
  const event = { action: 'account.deletion_refused', at: flow.clock.now(), actor, userId, sessionId } as const;
  await flow.audit.record(flow.database, { ...event, personal: clientInfoOf(caller) }, userKey);
  throw new Problem('invalid_password');
}

/** The gate saw a live session; since then somebody ended, closed or erased what it stood for. */
function gone(): Problem {
  return new Problem('not_authenticated', { log: 'the session or its user went meanwhile' });
}
