import type { AuditLog } from '#domain/audit/index.ts';
import { verifyIdentifier } from '#domain/identifiers/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import { type ActiveToken, consume, findActive } from '#domain/one-time-tokens/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  setPassword,
} from '#domain/passwords/index.ts';
import { changeUser, type UserChange } from '#domain/user-changes/index.ts';
import type { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

export interface ResetPassword {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

/** Reads a link without using it. */
export function readLink(
  flow: Pick<ResetPassword, 'database' | 'clock'>,
  text: string,
): Promise<ActiveToken | undefined> {
  return findActive(flow.database, 'reset_password', text, flow.clock.now());
}

/** Sets the password. Of concurrent uses of a link exactly one succeeds. Throws `invalid_token` and as `PasswordRules`. */
export async function resetPassword(
  flow: ResetPassword,
  text: string,
  password: string,
  caller: Caller,
): Promise<void> {
  const link = await readLink(flow, text);
  if (link === undefined) throw new Problem('invalid_token');
  const { userId } = link;
  const languages = [link.locale, ...wantedLanguages(caller.acceptLanguage)];
  const accepted = await flow.passwordRules.acceptFor(userId, { password, field: '/password', languages });
  const sealedPhc = flow.keys.seal('password', await flow.hashes.compute(accepted), passwordAssociatedData(userId));
  const userKey = await flow.users.key(userId);
  if (userKey === undefined) throw new Problem('invalid_token');
  const reset = resetOf(flow, { userId, text, sealedPhc, userKey });
  await flow.database.transaction((tx) => changeUser(flow, tx, caller, reset));
}

interface LinkUse {
  readonly userId: string;
  readonly text: string;
  readonly sealedPhc: Buffer;
  readonly userKey: UserKey;
}

interface Applied {
  readonly identifierId: string;
  readonly locale: string;
  /** The link proved the mailbox of a registration that was never verified. */
  readonly verifiedAddress: boolean;
}

function resetOf(flow: ResetPassword, { userId, text, sealedPhc, userKey }: LinkUse): UserChange<Applied> {
  const now = flow.clock.now();
  return {
    userId,
    now,
    userKey,
    refusal: 'invalid_token',
    apply: async (tx) => {
      const used = await consume(tx, 'reset_password', text, now);
      if (used === undefined) throw new Problem('invalid_token');
      const { locale } = used;
      const identifierId = present(used.identifierId, 'the identifier of a reset link');
      await setPassword(tx, userId, sealedPhc, now);
      const verifiedAddress = await verifyIdentifier(tx, identifierId, now);
      // The name of a registration that was never verified may be a stranger's (invariant 18).
      if (verifiedAddress) await flow.users.rename(tx, userId, '', locale);
      return { identifierId, locale, verifiedAddress };
    },
    sessions: { kind: 'end_all', reason: 'password_reset' },
    resets: ['password', 'password_known_device', 'email_code'],
    replacesLinks: 'all',
    event: ({ endedSessions, applied: { verifiedAddress } }) => ({
      action: 'password.reset',
      actor: { kind: 'user', id: userId },
      facts: { endedSessions, verifiedAddress },
    }),
    mail: async (_, { applied: { identifierId, locale } }) => {
      const notice = { template: 'password_reset_done', tokenId: null, params: {} } as const;
      return flow.mail.values({ ...notice, locale, userId, identifierId, userKey, now });
    },
  };
}
