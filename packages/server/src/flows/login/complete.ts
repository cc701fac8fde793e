/** The end of a login: one statement makes the session and everything that comes with it. */
import { attemptKey } from '#domain/attempts/index.ts';
import { endingExpiry } from '#domain/endings/index.ts';
import { type IssuedSession, issueSession, passwordAcr } from '#domain/issued-sessions/index.ts';
import { passwordPlace } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller } from '#platform/http/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { Candidate } from './candidate.ts';
import type { Attempt, Login } from './login.ts';
import { completeLogin } from './statements.ts';

/** Someone whose every factor is proven. `phc` is the hash that matched, `sealedPhc` the bytes that hold it. */
type Proven = Candidate & { readonly phc: string; readonly sealedPhc: Buffer };

/** Writes the session and answers what the transport asks for. */
export async function complete(flow: Login, attempt: Attempt, caller: Caller, proven: Proven): Promise<IssuedSession> {
  const sealedRehash = await rehash(flow, attempt, proven);
  const now = flow.clock.now();
  const { userId } = proven;
  const userKey = flow.keys.unwrapUserKey(userId, proven.wrapped);
  const { issued, values } = issueSession(flow, {
    ...proven,
    ...provenNow(now),
    transport: attempt.transport,
    expiresAt: undefined,
    caller,
    userKey,
    now,
  });
  const endingExpiresAt = endingExpiry(now, flow.clients.default.accessTokenLifetimeSeconds);
  const tellOfDevice = proven.deviceId === undefined && proven.hasDevices;
  const row = await flow.database.row(completeLogin, {
    loginUserId: userId,
    attemptKey: attemptKey(userId),
    tellOfDevice,
    reason: 'too_many_sessions',
    ...values,
    rehashSealed: sealedRehash,
    rehashOf: proven.sealedPhc,
    endedAt: now,
    endingExpiresAt,
    ...newDeviceMail(flow, proven, caller, now),
    ...auditOf(flow, proven, caller, issued.sessionId, now),
  });
  if (row === undefined) throw new Problem('invalid_credentials', { log: 'the user changed during the login' });
  for (const target of row.endedSessions) {
    flow.endings.endedHere({ kind: 'session', target, epoch: null, expiresAt: endingExpiresAt });
  }
  if (tellOfDevice) flow.onPromised();
  return issued;
}

/** What a login by password alone proves, and when. */
function provenNow(now: Date) {
  return { acr: passwordAcr, amr: ['pwd'], authTime: now, factorTimes: { pwd: now.toISOString() } };
}

/** A hash of other parameters is made anew before the connection is needed; null when it is of today's. */
async function rehash(flow: Login, attempt: Attempt, { phc, userId }: Proven): Promise<Buffer | null> {
  if (!flow.hashes.isOutdated(phc)) return null;
  const computed = await flow.hashes.recompute(attempt.password, phc);
  return flow.keys.seal('password', computed, passwordPlace(userId));
}

function newDeviceMail(flow: Login, proven: Proven, caller: Caller, now: Date) {
  const { userId, identifierId, locale } = proven;
  const userKey = flow.keys.unwrapUserKey(userId, proven.wrapped);
  const device = describeUserAgent(caller.userAgent).words;
  const params = { device, address: caller.address, time: now.toISOString() };
  return flow.mail.values({
    template: 'new_device',
    locale,
    userId,
    identifierId,
    tokenId: null,
    params,
    userKey,
    now,
  });
}

function auditOf(flow: Login, proven: Proven, caller: Caller, sessionId: string, at: Date) {
  const { userId } = proven;
  const personal = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const actor = { kind: 'user', id: userId } as const;
  const userKey = flow.keys.unwrapUserKey(userId, proven.wrapped);
  return flow.audit.values(
    { action: 'login.succeeded', at, actor, userId, sessionId, facts: { amr: ['pwd'] }, personal },
    userKey,
  );
}
