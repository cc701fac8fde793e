import type { AuditLog } from '#domain/audit/index.ts';
import { suspendIdentities } from '#domain/federated-identities/index.ts';
import { type MailLedger, type Occasion, occasionOf } from '#domain/mail-ledger/index.ts';
import { type ActiveToken, consume, findActive, findUsed, type UsedToken } from '#domain/one-time-tokens/index.ts';
import { suspendPasskeys } from '#domain/passkeys/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  setPassword,
} from '#domain/passwords/index.ts';
import { proveRegistration } from '#domain/registrations/index.ts';
import { changeUser, type UserChange } from '#domain/user-changes/index.ts';
import { firstLocale, type Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds, type Clock } from '#kernel/clock.ts';
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

/** Longer than a second click; a user who comes back later may want another password, which a used link cannot set. */
const secondsAfterReset = 600;

/** Returns a link that was used a short time ago, unless something was changed since that revoked sessions. */
export async function findReset(
  flow: Pick<ResetPassword, 'database' | 'clock'>,
  text: string,
): Promise<UsedToken | undefined> {
  const used = await findUsed(flow.database, 'reset_password', text);
  if (!used?.usedAt || used.epochsSince !== 1) return undefined;
  return addSeconds(used.usedAt, secondsAfterReset) > flow.clock.now() ? used : undefined;
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
  const reset = resetOf(flow, {
    userId,
    text,
    sealedPhc,
    userKey,
    ownLocale: firstLocale(wantedLanguages(caller.acceptLanguage)),
    occasion: occasionOf(caller),
  });
  await flow.database.transaction((tx) => changeUser(flow, tx, caller, reset));
}

interface LinkUse {
  readonly userId: string;
  readonly text: string;
  readonly sealedPhc: Buffer;
  readonly userKey: UserKey;
  /** The language of the browser. */
  readonly ownLocale: string;
  readonly occasion: Occasion;
}

interface Applied {
  readonly identifierId: string;
  readonly locale: string;
  /** The link proved the mailbox of a registration that was never verified. */
  readonly verifiedAddress: boolean;
  readonly suspendedPasskeys: number;
  readonly suspendedIdentities: number;
}

function resetOf(
  flow: ResetPassword,
  { userId, text, sealedPhc, userKey, ownLocale, occasion }: LinkUse,
): UserChange<Applied> {
  const now = flow.clock.now();
  return {
    userId,
    now,
    userKey,
    refusal: 'invalid_token',
    apply: async (tx) => {
      const used = await consume(tx, 'reset_password', text, now);
      if (used === undefined) throw new Problem('invalid_token');
      const identifierId = present(used.identifierId, 'the identifier of a reset link');
      await setPassword(tx, userId, sealedPhc, now);
      // An attacker may have added one. Removing it would instead let a reader of the mailbox strip the second factor.
      const suspendedPasskeys = await suspendPasskeys(tx, userId, now);
      const suspendedIdentities = await suspendIdentities(tx, userId, now);
      for (const identityId of suspendedIdentities) {
        const actor = { kind: 'user', id: userId } as const;
        const facts = { identityId, reason: 'password_reset' };
        await flow.audit.record(tx, { action: 'identity.suspended', at: now, actor, userId, facts });
      }
      const proven = { userId, identifierId, registration: undefined, locale: ownLocale, now };
      const verifiedAddress = await proveRegistration(tx, flow.users, proven);
      return {
        identifierId,
        locale: verifiedAddress ? ownLocale : used.locale,
        verifiedAddress,
        suspendedPasskeys,
        suspendedIdentities: suspendedIdentities.length,
      };
    },
    sessions: { kind: 'end_all', reason: 'password_reset' },
    resets: ['password', 'password_known_device', 'email_code', 'mailbox_code'],
    replacesLinks: 'all',
    event: ({ endedSessions, applied: { verifiedAddress, suspendedPasskeys, suspendedIdentities } }) => ({
      action: 'password.reset',
      actor: { kind: 'user', id: userId },
      facts: { endedSessions, verifiedAddress, suspendedPasskeys, suspendedIdentities },
    }),
    mail: async (_, { applied: { identifierId, locale } }) => {
      const notice = { template: 'password_reset_done', tokenId: null, params: occasion } as const;
      return flow.mail.values({ ...notice, locale, userId, identifierId, userKey, now });
    },
  };
}
