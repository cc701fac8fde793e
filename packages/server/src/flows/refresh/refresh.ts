import type { AuditLog } from '#domain/audit/index.ts';
import { enqueueMail, type MailLedger } from '#domain/mail-ledger/index.ts';
import type { Refreshed, RefreshRefusal, RefreshTokens } from '#domain/refresh-tokens/index.ts';
import type { AccessTokens } from '#domain/session-issuance/index.ts';
import { endSession, type LastClients, type LastSeen, moveSession } from '#domain/sessions/index.ts';
import type { Users } from '#domain/users/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Database } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import type { Keys } from '#platform/keys/index.ts';
import type { QuotaStatus } from '#platform/rate-limit/index.ts';
import type { RefreshQuota } from './quota.ts';

export interface Refresh {
  readonly database: Database;
  readonly clock: Clock;
  readonly keys: Keys;
  readonly refreshTokens: RefreshTokens;
  readonly accessTokens: AccessTokens;
  readonly users: Users;
  readonly lastClients: LastClients;
  readonly lastSeen: LastSeen;
  readonly mail: MailLedger;
  readonly audit: AuditLog;
  readonly refreshQuota: RefreshQuota;
  /** For the metric `refreshes_total`. */
  readonly onRefresh?: (outcome: 'refreshed' | 'refused' | 'reused') => void;
}

/** Returns the next pair of tokens. One round trip; a second one when the address or the user agent has changed. */
export async function refresh(flow: Refresh, text: string, caller: Caller, report: (status: QuotaStatus) => void) {
  flow.refreshQuota.requireOpen(text);
  const outcome = await flow.refreshTokens.rotate(text);
  flow.onRefresh?.(outcome.kind);
  if (outcome.kind === 'reused') await endReused(flow, outcome);
  if (outcome.kind !== 'refreshed') {
    report(flow.refreshQuota.countUnknown(caller.address));
    throw new Problem('invalid_refresh_token', { log: outcome.kind });
  }
  report(flow.refreshQuota.count(outcome.userId, outcome.refreshToken));
  // Counts as use of the session: resource servers may verify the access tokens, so that no other request arrives here.
  flow.lastSeen.note(outcome.sessionId, flow.clock.now());
  await recordMove(flow, outcome, caller);
  const accessToken = await flow.accessTokens.mint(outcome);
  return {
    accessToken: accessToken.text,
    tokenType: 'Bearer' as const,
    expiresIn: accessToken.expiresInSeconds,
    refreshToken: outcome.refreshToken,
    refreshExpiresAt: outcome.refreshExpiresAt.toISOString(),
  };
}

/** The event of a refresh has no personal fields. Records the address and user agent only when they have changed. */
async function recordMove(flow: Refresh, { sessionId, userId, sealedClientInfo, wrapped }: Refreshed, caller: Caller) {
  if (sealedClientInfo === null) return;
  const keyOf = () => flow.keys.unwrapUserKey(userId, wrapped);
  const last = { sessionId, sealed: sealedClientInfo };
  const clientInfo = clientInfoOf(caller);
  if (!flow.lastClients.hasMoved(keyOf, last, clientInfo)) return;
  const key = keyOf();
  const actor = { kind: 'user', id: userId } as const;
  const at = flow.clock.now();
  const event = flow.audit.values({ action: 'session.moved', at, actor, userId, sessionId, personal: clientInfo }, key);
  await moveSession(flow.database, key, last, clientInfo, event);
}

const notice = { template: 'refresh_token_reuse', tokenId: null, params: {} } as const;

type Reuse = Extract<RefreshRefusal, { kind: 'reused' }>;

/** Ends the session. Of concurrent reuses exactly one ends it and enqueues the mail. */
async function endReused(flow: Refresh, reuse: Reuse): Promise<void> {
  const now = flow.clock.now();
  const { sessionId, userId } = reuse;
  const [userKey, recipient] = await Promise.all([flow.users.key(userId), flow.users.primaryEmail(userId)]);
  if (userKey === undefined) return;
  const mail = recipient && flow.mail.values({ ...notice, ...recipient, userId, userKey, now });
  const event = flow.audit.values({
    action: 'refresh_token.reused',
    at: now,
    actor: { kind: 'anonymous' },
    userId,
    sessionId,
  });
  await flow.database.transaction(async (tx) => {
    const request = { userId, reason: 'refresh_token_reuse', now } as const;
    const ended = await endSession(tx, sessionId, request, event);
    if (ended && mail !== undefined) await enqueueMail(tx, mail);
  });
}
