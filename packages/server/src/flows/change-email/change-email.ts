/** What the steps of a change of address share. */

import type { AuditAction, AuditEvent, AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import type { OneTimeTokens } from '#domain/one-time-tokens/index.ts';
import type { PasswordHashes, PasswordRules } from '#domain/passwords/index.ts';
import { type EndReason, endSessionsOfUser } from '#domain/sessions/index.ts';
import type { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { EmailDomains } from '#protocol/email-domains/index.ts';

/** What changing an address needs. */
export interface ChangeEmail {
  readonly database: Database;
  readonly clock: Clock;
  readonly makeId: MakeId;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly tokens: OneTimeTokens;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
  /** Who has to confirm: the new address, or the old one too. */
  readonly confirmAt: 'new' | 'both';
  /** Which addresses may be used here: the same as for registering. */
  readonly emailDomains: EmailDomains;
}

/** Takes the rows of several people, always in one order: in two orders they would deadlock. */
export async function lockPeople(
  flow: ChangeEmail,
  tx: Queries,
  userIds: readonly (string | undefined)[],
): Promise<void> {
  const ids = new Set(userIds.filter((id) => id !== undefined));
  for (const id of [...ids].sort()) await flow.users.lock(tx, id);
}

/**
 * Raises the epoch and ends every session: who presses a link from a mail cannot show that one of them is their own.
 * Tickets, known devices and other links die with the epoch. Returns the new epoch.
 */
export async function endEverything(
  flow: ChangeEmail,
  tx: Queries,
  userId: string,
  reason: EndReason,
  now: Date,
): Promise<number> {
  const authEpoch = present(await flow.users.raiseEpoch(tx, userId), 'the locked user');
  await endSessionsOfUser(tx, { userId, reason, now });
  return authEpoch;
}

/** An event that the user themselves caused. */
export function eventOf(
  action: AuditAction,
  userId: string,
  now: Date,
  caller: Caller,
  personal: Readonly<Record<string, string>> = {},
): AuditEvent {
  return {
    action,
    at: now,
    actor: { kind: 'user', id: userId },
    userId,
    personal: { ...clientInfoOf(caller), ...personal },
  };
}
