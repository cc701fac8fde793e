import { resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { findCandidate, type RecentProofDeps, requireRecentProof } from '#domain/authentication/index.ts';
import { type MailLedger, occasionOf } from '#domain/mail-ledger/index.ts';
import { type PasswordRules, passwordAssociatedData, setPassword } from '#domain/passwords/index.ts';
import type { IssuedSession, Issuers } from '#domain/session-issuance/index.ts';
import { changeUser } from '#domain/user-changes/index.ts';
import type { Recipient, Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Caller, Principal } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

export interface ChangePassword extends Issuers, RecentProofDeps {
  readonly keys: Keys;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

export interface Passwords {
  /** Absent for a user without a password, whose recent authentication is the proof. */
  readonly currentPassword: string | undefined;
  readonly newPassword: string;
}

/**
 * Changes the password and returns the renewed session of the caller. A user with a password sends it, however recent
 * the session is (OWASP ASVS 5.0, 6.2.3).
 *
 * @throws `invalid_password` for a wrong current password, `step_up_required` as `requireRecentProof`, `not_authenticated`
 * when the session was revoked meanwhile, and as `PasswordRules`.
 */
export async function changePassword(
  flow: ChangePassword,
  { currentPassword, newPassword }: Passwords,
  principal: Principal,
  caller: Caller,
): Promise<IssuedSession> {
  const { userId } = principal;
  const proof = await requireRecentProof(flow, principal, currentPassword);
  const userKey = await flow.users.key(userId);
  // The user was erased since the session check.
  if (userKey === undefined) throw new Problem('not_authenticated');
  if (proof === 'wrong_password') return refuse(flow, principal, caller, userKey);
  if (proof === 'recent') await requireNoPassword(flow, userId);
  const recipient = await flow.users.primaryEmail(userId);
  const languages = [recipient?.locale, ...wantedLanguages(caller.acceptLanguage)];
  const candidate = { password: newPassword, field: '/newPassword', languages };
  const accepted = await flow.passwordRules.acceptFor(userId, candidate).catch(async (refusal: unknown) => {
    // A right current password is no failed attempt; no effect commits that would reset it.
    if (proof === 'password') await resetFailedAttempts(flow.database, userId, 'password_known_device');
    throw refusal;
  });
  const sealedPhc = flow.keys.seal('password', await flow.hashes.compute(accepted), passwordAssociatedData(userId));
  return write(flow, { principal, caller, userKey, sealedPhc, recipient });
}

/** Throws `validation_failed` for a user with a password, which the request lacks. */
async function requireNoPassword({ database, clock }: ChangePassword, userId: string): Promise<void> {
  const candidate = await findCandidate(database, { userId, now: clock.now() });
  if (candidate?.sealedPhc === undefined) return;
  const message = 'Enter your current password.';
  throw new Problem('validation_failed', { errors: [{ path: '/currentPassword', code: 'required', message }] });
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
          params: occasionOf(caller),
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
