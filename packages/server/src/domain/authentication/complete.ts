/** The end of a login: one statement makes the session and everything that comes with it, for every way in. */

import { type AttemptKind, attemptKey } from '#domain/attempts/index.ts';
import type { AuditLog } from '#domain/audit/index.ts';
import type { MailLedger } from '#domain/mail-ledger/index.ts';
import { revocationExpiry } from '#domain/revocations/index.ts';
import { type IssuedSession, type Issuers, issueSession } from '#domain/session-issuance/index.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { Queries } from '#platform/database/index.ts';
import type { Keys, UserKey } from '#platform/keys/index.ts';
import { type RefundValues, refundNothing } from '#platform/rate-limit/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { Candidate } from './candidate.ts';
import { completeStatement } from './statements.ts';

/** What completing takes. */
export interface LoginCompletion extends Issuers {
  readonly keys: Keys;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
}

/** A login of whom `nextStep` said `done`. */
export interface ProvenLogin {
  readonly candidate: Candidate;
  readonly transport: 'cookie' | 'token';
  readonly requester: Requester;
  readonly now: Date;
  readonly acr: string;
  readonly amr: readonly string[];
  /** What the session remembers of each factor's time; a mailed secret and a TOTP are two, though both are `otp`. */
  readonly factors: readonly string[];
  /** Whose counter starts anew: what was proven was right. */
  readonly resets: AttemptKind;
  /** Which way the login came, where `amr` does not say it. */
  readonly by?: string;
  /** The use of a limit that it gives back with what it writes. */
  readonly returning?: RefundValues;
  /** The password under today's parameters, over the bytes that were compared. */
  readonly rehash?: { readonly sealed: Buffer | null; readonly of: Buffer };
}

/** Writes the session, by itself or in the transaction of what proved it; undefined when the user changed meanwhile. */
export async function completeLogin(
  deps: LoginCompletion,
  queries: Queries,
  login: ProvenLogin,
): Promise<IssuedSession | undefined> {
  const { candidate, now } = login;
  const { userId } = candidate;
  const userKey = deps.keys.unwrapUserKey(userId, candidate.wrapped);
  const { issued, values } = issueSession(deps, sessionOf(login, userKey));
  const revocationExpiresAt = revocationExpiry(now, deps.clients.default.accessTokenLifetimeSeconds);
  const row = await queries.row(completeStatement, {
    loginUserId: userId,
    ...(login.returning ?? refundNothing(now)),
    attemptKind: login.resets,
    attemptKey: attemptKey(userId),
    notifyOfDevice: candidate.deviceId === undefined && candidate.hasDevices,
    reason: 'too_many_sessions',
    ...values,
    rehashSealed: login.rehash?.sealed ?? null,
    rehashOf: login.rehash?.of ?? Buffer.alloc(0),
    endedAt: now,
    revocationExpiresAt,
    ...newDeviceMail(deps, login, userKey),
    ...auditOf(deps, login, userKey, issued.sessionId),
  });
  return row === undefined ? undefined : issued;
}

function sessionOf(login: ProvenLogin, userKey: UserKey) {
  const { candidate, transport, requester, now, acr, amr, factors } = login;
  const { userId, subject, authEpoch, deviceId } = candidate;
  return {
    userId,
    subject,
    authEpoch,
    deviceId,
    acr,
    amr,
    authTime: now,
    factorTimes: Object.fromEntries(factors.map((factor) => [factor, now.toISOString()])),
    transport,
    expiresAt: undefined,
    requester,
    userKey,
    now,
  };
}

function newDeviceMail({ mail }: LoginCompletion, { candidate, requester, now }: ProvenLogin, userKey: UserKey) {
  const { userId, identifierId, locale } = candidate;
  const device = describeUserAgent(requester.userAgent).words;
  const params = { device, address: requester.address, time: now.toISOString() };
  return mail.values({ template: 'new_device', locale, userId, identifierId, tokenId: null, params, userKey, now });
}

function auditOf({ audit }: LoginCompletion, login: ProvenLogin, userKey: UserKey, sessionId: string) {
  const { candidate, requester, amr, by, now: at } = login;
  const { userId } = candidate;
  const personal = clientInfoOf(requester);
  const actor = { kind: 'user', id: userId } as const;
  const facts = { amr: [...amr], ...(by === undefined ? {} : { by }) };
  return audit.values({ action: 'login.succeeded', at, actor, userId, sessionId, facts, personal }, userKey);
}
