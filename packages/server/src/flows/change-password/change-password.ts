import { resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  provePassword,
  setPassword,
} from '#domain/passwords/index.ts';
import type { IssuedSession, Issuers } from '#domain/session-issuance/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import type { Recipient, Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database } from '#platform/database/index.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

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

export interface Passwords {
  readonly currentPassword: string;
  readonly newPassword: string;
}

/**
 * Changes the password and returns the renewed session of the caller.
 *
 * @throws `invalid_password` for a wrong current password, `not_authenticated` when the session was revoked meanwhile, and
 * as `PasswordRules`.
 */
export async function changePassword(
  flow: ChangePassword,
  { currentPassword, newPassword }: Passwords,
  principal: Principal,
  caller: Caller,
): Promise<IssuedSession> {
  const { userId } = principal;
  const proven = await provePassword(flow, userId, currentPassword);
  const userKey = await flow.users.key(userId);
  // The user was erased since the session check.
  if (userKey === undefined) throw new Problem('not_authenticated');
  if (!proven) return refuse(flow, principal, caller, userKey);
  const recipient = await flow.users.primaryEmail(userId);
  const languages = [recipient?.locale, ...wantedLanguages(caller.acceptLanguage)];
  const candidate = { password: newPassword, field: '/newPassword', languages };
  const accepted = await flow.passwordRules.acceptFor(userId, candidate).catch(async (refusal: unknown) => {
    // The current password was right, so the attempt does not count; no effect commits that would reset it.
    await resetFailedAttempts(flow.database, userId, 'password_known_device');
    throw refusal;
  });
  const sealedPhc = flow.keys.seal('password', await flow.hashes.compute(accepted), passwordAssociatedData(userId));
  return write(flow, { principal, caller, userKey, sealedPhc, recipient });
}

async function refuse(flow: ChangePassword, principal: Principal, caller: Caller, userKey: UserKey): Promise<never> {
  const event = {
    ...eventOf(principal),
    userId: principal.userId,
    action: 'password.change_refused',
    at: flow.clock.now(),
    personal: clientInfoOf(caller),
  } as const;
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

// `changeUser` rejects the change under the user's lock when the acting session has ended: by a reset or by a change of
// another session that committed after this request proved the password.
async function write(flow: ChangePassword, change: Change): Promise<IssuedSession> {
  const { principal, caller, userKey, sealedPhc, recipient } = change;
  const { userId, sessionId } = principal;
  const now = flow.clock.now();
  const changed = await flow.database.transaction((tx) =>
    changeUser(flow, tx, caller, {
      userId,
      now,
      userKey,
      refusal: 'not_authenticated',
      apply: () => setPassword(tx, userId, sealedPhc, now),
      sessions: { kind: 'renew_acting', reason: 'password_changed', sessionId, issuers: flow },
      resets: ['password', 'password_known_device'],
      event: ({ endedSessions, renewed }) => ({
        ...eventOf(principal),
        action: 'password.changed',
        facts: { endedSessions: endedSessions - 1, continuedAs: renewed?.sessionId ?? null },
      }),
      mail: async () =>
        recipient &&
        flow.mail.values({
          ...recipient,
          template: 'password_changed',
          tokenId: null,
          params: {},
          userId,
          userKey,
          now,
        }),
    }),
  );
  return present(changed.renewed, 'the renewed session');
}

function eventOf({ userId, sessionId }: Principal) {
  return { actor: { kind: 'user', id: userId }, sessionId } as const;
}
