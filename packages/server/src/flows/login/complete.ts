/** The end of a login: one statement makes the session and everything that comes with it. */
import { randomBytes } from 'node:crypto';
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
  // A hash of other parameters is made anew here, before the connection is needed.
  const rehashed = flow.hashes.isOutdated(proven.phc)
    ? await flow.hashes.compute(attempt.password.normalize('NFC'))
    : null;
  const now = flow.clock.now();
  const byCookie = attempt.transport === 'cookie';
  const ids = { session: flow.makeId(), device: proven.deviceId ?? flow.makeId() };
  const sessionToken = byCookie ? formatSecret(secretPrefixes.session, randomBytes(32)) : undefined;
  const refresh = byCookie ? undefined : flow.refreshTokens.first();
  const client = flow.clients.default;
  const { userId } = proven;
  const { expiresAt, idleExpiresAt } = sessionExpiries(client, now);
  const refreshExpiresAt = addSeconds(now, client.refreshTokenLifetimeSeconds);
  const deviceExpiresAt = deviceExpiry(now);
  const tellOfDevice = proven.deviceId === undefined && proven.hasDevices;
  const row = await flow.database.row(completeLogin, {
    loginUserId: userId,
    counterKey: Buffer.from(userId.replaceAll('-', ''), 'hex'),
    tellOfDevice,
    reason: 'too_many_sessions',
    deviceId: ids.device,
    deviceEpoch: proven.authEpoch,
    deviceUsedAt: now,
    deviceExpiresAt,
    ...sessionValues(flow, proven, caller, ids.session, now),
    sessionDeviceId: ids.device,
    sessionTransport: attempt.transport,
    sessionTokenHash: sessionToken === undefined ? null : hashSecret(sessionToken),
    sessionIdleExpiresAt: idleExpiresAt,
    sessionExpiresAt: expiresAt,
    familyId: refresh === undefined ? null : flow.makeId(),
    familyClientId: client.id,
    familyEpoch: proven.authEpoch,
    familyCreatedAt: now,
    refreshHash: refresh?.hash ?? null,
    refreshExpiresAt,
    passwordSealed: rehashed === null ? null : flow.keys.seal('password', rehashed, passwordPlace(userId)),
    passwordChangedAt: now,
    endedAt: now,
    endingExpiresAt: endingExpiry(now, client.accessTokenLifetimeSeconds),
    ...newDeviceMail(flow, proven, caller, now),
    ...auditOf(flow, proven, caller, ids.session, now),
  });
  if (row === undefined) throw new Problem('invalid_credentials', { log: 'the user changed during the login' });
  if (tellOfDevice) flow.onPromised();
  return {
    userId,
    sessionId: ids.session,
    sessionExpiresAt: expiresAt,
    sessionToken,
    tokens: refresh && { access: mint(flow, proven, ids.session, now), refresh: refresh.text, refreshExpiresAt },
    deviceToken: flow.devices.sign(ids.device),
    deviceExpiresAt,
  };
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
