/** The end of a login: one statement makes the session and everything that comes with it. */
import { randomBytes } from 'node:crypto';
import { attemptKey } from '#domain/attempts/index.ts';
import { sessionExpiries } from '#domain/clients/index.ts';
import { deviceExpiry } from '#domain/devices/index.ts';
import { endingExpiry } from '#domain/endings/index.ts';
import { passwordPlace } from '#domain/passwords/index.ts';
import { sealSurroundings } from '#domain/sessions/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller } from '#platform/http/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import { describeUserAgent } from '#protocol/user-agent/index.ts';
import type { Candidate } from './candidate.ts';
import type { Attempt, Completed, Login } from './login.ts';
import { completeLogin } from './statements.ts';

/** Authentication context of a login by password alone; the higher level will be two factors (RFC 9068 §2.2.1). */
const passwordAcr = '1';

/** Someone whose every factor is proven. `phc` is the hash that matched. */
type Proven = Candidate & { readonly phc: string };

/** Writes the session and answers what the transport asks for. */
export async function complete(flow: Login, attempt: Attempt, caller: Caller, proven: Proven): Promise<Completed> {
  const sealedRehash = await rehash(flow, attempt, proven);
  const now = flow.clock.now();
  const { userId, authEpoch } = proven;
  const client = flow.clients.default;
  const handed = handOut(flow, attempt.transport);
  const times = {
    ...sessionExpiries(client, now),
    refreshExpiresAt: addSeconds(now, client.refreshTokenLifetimeSeconds),
  };
  const device = { id: proven.deviceId ?? flow.makeId(), expiresAt: deviceExpiry(now) };
  const tellOfDevice = proven.deviceId === undefined && proven.hasDevices;
  const row = await flow.database.row(completeLogin, {
    loginUserId: userId,
    attemptKey: attemptKey(userId),
    tellOfDevice,
    reason: 'too_many_sessions',
    deviceId: device.id,
    deviceEpoch: authEpoch,
    deviceUsedAt: now,
    deviceExpiresAt: device.expiresAt,
    ...sessionValues(flow, proven, caller, handed.sessionId, now),
    sessionDeviceId: device.id,
    sessionTransport: attempt.transport,
    sessionTokenHash: handed.sessionTokenHash,
    sessionIdleExpiresAt: times.idleExpiresAt,
    sessionExpiresAt: times.expiresAt,
    familyId: handed.familyId,
    familyClientId: client.id,
    familyEpoch: authEpoch,
    familyCreatedAt: now,
    refreshHash: handed.refreshHash,
    refreshExpiresAt: times.refreshExpiresAt,
    passwordSealed: sealedRehash,
    passwordChangedAt: now,
    endedAt: now,
    endingExpiresAt: endingExpiry(now, client.accessTokenLifetimeSeconds),
    ...newDeviceMail(flow, proven, caller, now),
    ...auditOf(flow, proven, caller, handed.sessionId, now),
  });
  if (row === undefined) throw new Problem('invalid_credentials', { log: 'the user changed during the login' });
  if (tellOfDevice) flow.onPromised();
  return {
    userId,
    sessionId: handed.sessionId,
    sessionExpiresAt: times.expiresAt,
    sessionToken: handed.sessionToken,
    tokens: tokensOf(flow, proven, handed, now, times.refreshExpiresAt),
    deviceToken: flow.devices.sign(device.id),
    deviceExpiresAt: device.expiresAt,
  };
}

/** A hash of other parameters is made anew before the connection is needed; null when it is of today's. */
async function rehash(flow: Login, attempt: Attempt, { phc, userId }: Proven): Promise<Buffer | null> {
  if (!flow.hashes.isOutdated(phc)) return null;
  const computed = await flow.hashes.compute(attempt.password.normalize('NFC'));
  return flow.keys.seal('password', computed, passwordPlace(userId));
}

/** The secrets of a session: a cookie's token, or the first refresh token of a family; never both. */
function handOut(flow: Login, transport: Attempt['transport']) {
  const sessionId = flow.makeId();
  if (transport === 'cookie') {
    const sessionToken = formatSecret(secretPrefixes.session, randomBytes(32));
    const sessionTokenHash = hashSecret(sessionToken);
    return { sessionId, sessionToken, sessionTokenHash, refresh: undefined, familyId: null, refreshHash: null };
  }
  const { text: refresh, hash: refreshHash } = flow.refreshTokens.first();
  return { sessionId, sessionToken: undefined, sessionTokenHash: null, refresh, familyId: flow.makeId(), refreshHash };
}

function tokensOf(
  flow: Login,
  proven: Proven,
  { refresh, sessionId }: ReturnType<typeof handOut>,
  now: Date,
  refreshExpiresAt: Date,
): Completed['tokens'] {
  if (refresh === undefined) return undefined;
  return { access: mint(flow, proven, sessionId, now), refresh, refreshExpiresAt };
}

function sessionValues(flow: Login, proven: Proven, caller: Caller, sessionId: string, now: Date) {
  const surroundings = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const userKey = flow.keys.unwrapUserKey(proven.userId, proven.wrapped);
  return {
    sessionId,
    sessionClientId: flow.clients.default.id,
    sessionEpoch: proven.authEpoch,
    sessionAmr: ['pwd'],
    sessionAcr: passwordAcr,
    sessionFactorTimes: { pwd: now.toISOString() },
    sessionSealedSurroundings: sealSurroundings(userKey, sessionId, surroundings),
    sessionCreatedAt: now,
  };
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

function mint(flow: Login, proven: Proven, sessionId: string, now: Date) {
  const { id: clientId, accessTokenLifetimeSeconds } = flow.clients.default;
  const { subject } = proven;
  return flow.accessTokens.mint({
    sessionId,
    subject,
    clientId,
    acr: passwordAcr,
    amr: ['pwd'],
    authTime: now,
    accessTokenLifetimeSeconds,
  });
}
