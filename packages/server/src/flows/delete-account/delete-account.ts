/** Closing, top to bottom: prove the password, then everything in one transaction. */

import { forgiveAttempts } from '#domain/attempts/index.ts';
import type { AuditLog, Surroundings } from '#domain/audit/index.ts';
import type { Clients } from '#domain/clients/index.ts';
import { type MailLedger, promiseMail } from '#domain/mail-ledger/index.ts';
import { issueToken, killOthers, type OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import { type PasswordHashes, provePassword } from '#domain/passwords/index.ts';
import type { Endings } from '#domain/revocations/index.ts';
import { endSessionsOfUser } from '#domain/sessions/index.ts';
import { closeUser, type Users } from '#domain/users/index.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';

/** What closing needs. */
export interface CloseAccount {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly users: Users;
  readonly clients: Clients;
  readonly tokens: OneTimeTokens;
  readonly endings: Endings;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  /** Days from closing to erasure; 0 leaves nothing to keep. */
  readonly graceDays: number;
  /** Called when a mail was promised, to wake this process's own worker. */
  readonly onPromised: () => void;
}

/** Closes the caller's account; answers when the grace period ends. */
export async function closeAccount(
  flow: CloseAccount,
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
  const closesAt = addSeconds(now, flow.graceDays * 24 * 60 * 60);
  const closing = { principal, caller, userKey, now, closesAt };
  const ended = await flow.database.transaction((tx) => close(flow, tx, closing));
  for (const ending of ended) flow.endings.endedHere(ending);
  flow.onPromised();
  return closesAt;
}

interface Closing {
  readonly principal: Principal;
  readonly caller: Caller;
  readonly userKey: UserKey;
  readonly now: Date;
  readonly closesAt: Date;
}

async function close(flow: CloseAccount, tx: Queries, closing: Closing) {
  const { principal, caller, userKey, now, closesAt } = closing;
  const { userId, sessionId } = principal;
  const { accessTokenLifetimeSeconds } = flow.clients.default;
  const locked = await flow.users.lock(tx, userId);
  if (locked?.authEpoch !== principal.authEpoch) throw gone();
  const raised = await closeUser(tx, { userId, closesAt, now, accessTokenLifetimeSeconds });
  if (raised === undefined) throw gone();
  const sessions = await endSessionsOfUser(tx, { userId, reason: 'account_closed', now, accessTokenLifetimeSeconds });
  await forgiveAttempts(tx, userId, 'password_known_device');
  await killOthers(tx, userId, 'keep_account', now);
  await tell(flow, tx, closing, raised.epoch);
  const actor = { kind: 'user', id: userId } as const;
  const facts = { closesAt: closesAt.toISOString(), sessions: sessions.length };
  const event = { action: 'account.closing', at: now, actor, userId, sessionId, facts } as const;
  await flow.audit.record(tx, { ...event, personal: surroundingsOf(caller) }, userKey);
  return [raised, ...sessions];
}

/** The mail with the keep link, or, when there is no grace, the one that says goodbye. */
async function tell(flow: CloseAccount, tx: Queries, closing: Closing, authEpoch: number): Promise<void> {
  const { userKey, now, closesAt } = closing;
  const { userId } = closing.principal;
  const recipient = await flow.users.primaryEmail(userId, tx);
  if (recipient === undefined) return;
  const mail = { ...recipient, userId, userKey, now, params: {} };
  if (closesAt <= now) {
    await promiseMail(tx, flow.mail.values({ ...mail, template: 'account_closed', tokenId: null }));
    return;
  }
  const tokenId = flow.tokens.newId();
  const token = { id: tokenId, purpose: 'keep_account', userId, authEpoch, sealedPayload: null } as const;
  await issueToken(
    tx,
    flow.tokens.values({ ...token, identifierId: recipient.identifierId, now, expiresAt: closesAt }),
  );
  await promiseMail(tx, flow.mail.values({ ...mail, template: 'account_closing', tokenId }));
}

async function refuse(flow: CloseAccount, principal: Principal, caller: Caller, userKey: UserKey): Promise<never> {
  const { userId, sessionId } = principal;
  const actor = { kind: 'user', id: userId } as const;
  const event = { action: 'account.closing_refused', at: flow.clock.now(), actor, userId, sessionId } as const;
  await flow.audit.record(flow.database, { ...event, personal: surroundingsOf(caller) }, userKey);
  throw new Problem('invalid_password');
}

function surroundingsOf(caller: Caller): Surroundings {
  return { address: caller.address, userAgent: caller.userAgent ?? '' };
}

/** The gate saw a live session; since then somebody ended, closed or erased what it stood for. */
function gone(): Problem {
  return new Problem('not_authenticated', { log: 'the session or its user went meanwhile' });
}
