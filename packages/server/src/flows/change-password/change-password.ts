/** A change of password, top to bottom: prove the current one, hash the new one, write. */

import { resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  provePassword,
  setPassword,
} from '#domain/passwords/index.ts';
import { findActing, type IssuedSession, type Issuers, renewSession } from '#domain/session-issuance/index.ts';
import type { Recipient, Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

/** What changing a password needs. */
export interface ChangePassword extends Issuers {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

/** What the user sends. */
export interface Passwords {
  readonly currentPassword: string;
  readonly newPassword: string;
}

/** Changes the password, or throws the problem that says why not. Answers the session that goes on. */
export async function changePassword(
  flow: ChangePassword,
  { currentPassword, newPassword }: Passwords,
  principal: Principal,
  caller: Caller,
): Promise<IssuedSession> {
  const { userId } = principal;
  const proven = await provePassword(flow, userId, currentPassword);
  const userKey = await flow.users.key(userId);
  // Erased since the session was checked.
  if (userKey === undefined) throw new Problem('not_authenticated');
  if (!proven) return refuse(flow, principal, caller, userKey);
  const recipient = await flow.users.primaryEmail(userId);
  const languages = [recipient?.locale, ...wantedLanguages(caller.acceptLanguage)];
  const candidate = { password: newPassword, field: '/newPassword', languages };
  const accepted = await flow.passwordRules.acceptFor(userId, candidate).catch(async (refusal: unknown) => {
    // The current one was right: there is no effect to take the attempt back with, and it was no guess.
    await resetFailedAttempts(flow.database, userId, 'password_known_device');
    throw refusal;
  });
  const sealedPhc = flow.keys.seal('password', await flow.hashes.compute(accepted), passwordAssociatedData(userId));
  const change = { principal, caller, userKey, sealedPhc, recipient };
  return flow.database.transaction((tx) => write(flow, tx, change));
}

async function refuse(flow: ChangePassword, principal: Principal, caller: Caller, userKey: UserKey): Promise<never> {
  const event = { ...eventOf(principal, caller), action: 'password.change_refused', at: flow.clock.now() } as const;
  await flow.audit.record(flow.database, event, userKey);
  throw new Problem('invalid_password');
}

interface Change {
  readonly principal: Principal;
  readonly caller: Caller;
  readonly userKey: UserKey;
  readonly sealedPhc: Buffer;
  readonly recipient: Recipient | undefined;
}

// A reset, or a change by another session, that committed since the password was proven ended this session: the user's
// lock orders them, and the dead session is found here before anything is written.
async function write(flow: ChangePassword, tx: Queries, change: Change): Promise<IssuedSession> {
  const { principal, caller, userKey, sealedPhc, recipient } = change;
  const { userId } = principal;
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  const acting = await findActing(tx, principal, now);
  if (acting === undefined) throw new Problem('not_authenticated');
  await setPassword(tx, userId, sealedPhc, now);
  await resetFailedAttempts(tx, userId, 'password', 'password_known_device');
  const authEpoch = present(await flow.users.raiseEpoch(tx, userId), 'the locked user');
  const continued = { reason: 'password_changed', authEpoch, requester: caller, userKey, now } as const;
  const { issued, endedSessions } = await renewSession(flow, tx, acting, continued);
  const facts = { endedSessions: endedSessions - 1, continuedAs: issued.sessionId };
  const event = { ...eventOf(principal, caller), action: 'password.changed', at: now, facts } as const;
  await flow.audit.record(tx, event, userKey);
  if (recipient !== undefined) {
    const mail = { template: 'password_changed', ...recipient, userId, tokenId: null, params: {} } as const;
    await enqueueMail(tx, flow.mail.values({ ...mail, userKey, now }));
  }
  return issued;
}

function eventOf({ userId, sessionId }: Principal, caller: Caller) {
  const personal = clientInfoOf(caller);
  return { actor: { kind: 'user', id: userId }, userId, sessionId, personal } as const;
}
