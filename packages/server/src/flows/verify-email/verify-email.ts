/** What pressing a link does. */

import type { AuditLog } from '#domain/audit/index.ts';
import { verifyIdentifier } from '#domain/identifiers/index.ts';
import { consume, findActive, type OneTimeToken, revokeOthers } from '#domain/one-time-tokens/index.ts';
import {
  type PasswordHashes,
  type PasswordRules,
  passwordAssociatedData,
  setPassword,
} from '#domain/passwords/index.ts';
import { openRegistration, type PendingRegistration } from '#domain/registrations/index.ts';
import type { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database, Queries } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';

/** What verifying needs. */
export interface VerifyEmail {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly hashes: PasswordHashes;
  readonly passwordRules: PasswordRules;
  readonly users: Users;
  readonly audit: AuditLog;
  readonly catalogues: Catalogues;
}

/** A live link, and what it carries. */
export interface Link {
  readonly token: OneTimeToken;
  /** Undefined when the link carries no registration; then a new password must come with it. */
  readonly registration: PendingRegistration | undefined;
}

/** Looks at a link without using it. */
export async function readLink(flow: VerifyEmail, text: string): Promise<Link | undefined> {
  const token = await findActive(flow.database, 'verify_email', text, flow.clock.now());
  if (token === undefined) return undefined;
  const { sealedPayload } = token;
  const registration = sealedPayload === null ? undefined : openRegistration(flow.keys, token.id, sealedPayload);
  return { token, registration };
}

/**
 * Uses a link: of all links of an address exactly one is ever used.
 * The user's row is locked first, so that two links pressed at once are pressed one after the other, and the second
 * finds itself replaced.
 */
export async function verifyEmail(
  flow: VerifyEmail,
  text: string,
  newPassword: string | undefined,
  caller: Caller,
): Promise<void> {
  const link = await readLink(flow, text);
  if (link === undefined) throw new Problem('invalid_token');
  const phc = newPassword === undefined ? link.registration?.phc : await hashNew(flow, link, newPassword, caller);
  if (phc === undefined) throw new Problem('password_required');
  const userKey = await flow.users.key(link.token.userId);
  await flow.database.transaction((tx) => use(flow, tx, text, { link, phc, userKey, caller }));
}

async function hashNew(flow: VerifyEmail, link: Link, password: string, caller: Caller): Promise<string> {
  const { token, registration } = link;
  const languages = [registration?.locale ?? token.locale, ...wantedLanguages(caller.acceptLanguage)];
  const about = registration === undefined ? [] : [registration.name];
  const candidate = { password, field: '/password', about, languages };
  return flow.hashes.compute(await flow.passwordRules.acceptFor(token.userId, candidate));
}

interface Use {
  readonly link: Link;
  readonly phc: string;
  readonly userKey: UserKey | undefined;
  readonly caller: Caller;
}

async function use(flow: VerifyEmail, tx: Queries, text: string, { link, phc, userKey, caller }: Use): Promise<void> {
  const now = flow.clock.now();
  const { userId } = link.token;
  await flow.users.lock(tx, userId);
  const used = await consume(tx, 'verify_email', text, now);
  if (used === undefined || userKey === undefined) throw new Problem('invalid_token');
  await setPassword(tx, userId, flow.keys.seal('password', phc, passwordAssociatedData(userId)), now);
  if (link.registration !== undefined) {
    await flow.users.rename(tx, userId, link.registration.name, link.registration.locale);
  }
  await verifyIdentifier(tx, present(used.identifierId, 'the identifier of a verification link'), now);
  await revokeOthers(tx, userId, 'verify_email', now);
  // What was proven with the password of another registration (a ticket, a link) ends here.
  present(await flow.users.raiseEpoch(tx, userId), 'the locked user');
  const actor = { kind: 'user', id: userId } as const;
  const personal = clientInfoOf(caller);
  await flow.audit.record(tx, { action: 'email.verified', at: now, actor, userId, personal }, userKey);
}

/** "This was not me": the link dies, nothing is verified. False when it was dead already. */
export async function disownRegistration(flow: VerifyEmail, text: string, caller: Caller): Promise<boolean> {
  const link = await readLink(flow, text);
  const userKey = link === undefined ? undefined : await flow.users.key(link.token.userId);
  if (link === undefined || userKey === undefined) return false;
  const { userId } = link.token;
  return flow.database.transaction(async (tx) => {
    const now = flow.clock.now();
    await flow.users.lock(tx, userId);
    const disowned = await consume(tx, 'verify_email', text, now, { outcome: 'disowned' });
    if (disowned === undefined) return false;
    const personal = clientInfoOf(caller);
    const actor = { kind: 'stranger' } as const;
    await flow.audit.record(tx, { action: 'user.registration_disowned', at: now, actor, userId, personal }, userKey);
    return true;
  });
}
