/** What using a link does. */

import { resetFailedAttempts } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import { verifyIdentifier } from '#domain/identifiers/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import { consume, findActive, type OneTimeToken, revokeLinksOfUser } from '#domain/one-time-tokens/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  setPassword,
} from '#domain/passwords/index.ts';
import { endSessionsOfUser } from '#domain/sessions/index.ts';
import type { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

/** What setting a password by a link needs. */
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

/** Looks at a link without using it. */
export function readLink(
  flow: Pick<ResetPassword, 'database' | 'clock'>,
  text: string,
): Promise<OneTimeToken | undefined> {
  return findActive(flow.database, 'reset_password', text, flow.clock.now());
}

/** Uses a link: of many uses at once exactly one works. Throws `invalid_token` and what `PasswordRules` throws. */
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
  const use = { userId, text, sealedPhc, userKey, caller };
  await flow.database.transaction((tx) => write(flow, tx, use));
}

interface Use {
  readonly userId: string;
  readonly text: string;
  readonly sealedPhc: Buffer;
  readonly userKey: UserKey;
  readonly caller: Caller;
}

async function write(flow: ResetPassword, tx: Queries, { userId, text, sealedPhc, userKey, caller }: Use) {
  const now = flow.clock.now();
  await flow.users.lock(tx, userId);
  const used = await consume(tx, 'reset_password', text, now);
  if (used === undefined) throw new Problem('invalid_token');
  const identifierId = present(used.identifierId, 'the identifier of a reset link');
  await setPassword(tx, userId, sealedPhc, now);
  await resetFailedAttempts(tx, userId, 'password', 'password_known_device', 'email_code');
  const verified = await verifyIdentifier(tx, identifierId, now);
  if (verified) await flow.users.rename(tx, userId, '', used.locale);
  await revokeLinksOfUser(tx, userId, now);
  present(await flow.users.raiseEpoch(tx, userId), 'the locked user');
  const reason = 'password_reset';
  const endedSessions = await endSessionsOfUser(tx, { userId, reason, now });
  const facts = { endedSessions, verifiedAddress: verified };
  const personal = clientInfoOf(caller);
  const actor = { kind: 'user', id: userId } as const;
  await flow.audit.record(tx, { action: 'password.reset', at: now, actor, userId, facts, personal }, userKey);
  const mail = { template: 'password_reset_done', locale: used.locale, userId, identifierId, tokenId: null } as const;
  await enqueueMail(tx, flow.mail.values({ ...mail, params: {}, userKey, now }));
}
