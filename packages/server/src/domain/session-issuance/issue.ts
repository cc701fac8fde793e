/** The secrets of a new session and the values of the rows that hold their hashes. */

import { randomBytes } from 'node:crypto';
import { type Clients, sessionExpiries } from '#domain/clients/index.ts';
import { type DeviceTokens, deviceExpiry } from '#domain/devices/index.ts';
import type { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { sealClientInfo } from '#domain/sessions/index.ts';
import { addSeconds, earlier } from '#kernel/clock.ts';
import type { MakeId } from '#kernel/ids.ts';
import { clientInfoOf, type Requester } from '#kernel/requester.ts';
import type { JsonValue } from '#platform/database/index.ts';
import type { UserKey } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';
import type { AccessToken, AccessTokens } from './access-tokens.ts';

/** Dependencies of issuance. */
export interface Issuers {
  readonly makeId: MakeId;
  readonly clients: Clients;
  readonly devices: DeviceTokens;
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokens;
}

/** The values that determine a new session. */
export interface SessionToIssue {
  readonly clientId: string;
  readonly userId: string;
  readonly subject: string;
  readonly authEpoch: number;
  readonly transport: 'cookie' | 'token';
  /** The known device; undefined creates a new one. */
  readonly deviceId: string | undefined;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly authTime: Date;
  /** When each factor was last proven. */
  readonly factorTimes: JsonValue;
  /** The end of the session that this one renews; undefined for the client's full lifetime. */
  readonly expiresAt: Date | undefined;
  readonly requester: Requester;
  readonly userKey: UserKey;
  readonly now: Date;
}

/** A session as its holder receives it. The transport determines which one of `tokens` and `sessionToken` is set. */
export interface IssuedSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly sessionExpiresAt: Date;
  readonly tokens:
    | { readonly access: AccessToken; readonly refresh: string; readonly refreshExpiresAt: Date }
    | undefined;
  readonly sessionToken: string | undefined;
  readonly deviceToken: string;
  readonly deviceExpiresAt: Date;
}

/**
 * Computes a new session, and the values of `useDeviceFragment`, `insertSessionFragment` and `insertFamilyFragment` that
 * store it. Nothing of `issued` may leave the process before these are committed.
 */
export async function issueSession(issuers: Issuers, of: SessionToIssue) {
  const { userId, now } = of;
  const sessionId = issuers.makeId();
  const deviceId = of.deviceId ?? issuers.makeId();
  const client = await issuers.clients.byId(of.clientId);
  const expiries = sessionExpiries(client, now);
  const sessionExpiresAt = of.expiresAt ?? expiries.expiresAt;
  const refreshExpiresAt = earlier(addSeconds(now, client.refreshTokenLifetimeSeconds), sessionExpiresAt);
  const deviceExpiresAt = deviceExpiry(now);
  const { sessionToken, refresh, ...hashes } = of.transport === 'cookie' ? cookieSecret() : tokenSecret(issuers);
  const deviceToken = issuers.devices.sign(deviceId);
  const tokens =
    refresh === undefined
      ? undefined
      : { access: await mint(issuers, of, { sessionId, sessionExpiresAt }), refresh, refreshExpiresAt };
  const secrets = { sessionExpiresAt, tokens, sessionToken, deviceToken, deviceExpiresAt };
  const issued: IssuedSession = { userId, sessionId, ...secrets };
  const values = {
    ...deviceValues(of, deviceId, deviceExpiresAt),
    ...sessionValues(of, sessionId),
    ...hashes,
    sessionClientId: client.id,
    sessionDeviceId: deviceId,
    sessionIdleExpiresAt: expiries.idleExpiresAt,
    sessionExpiresAt,
    familyClientId: client.id,
    familyEpoch: of.authEpoch,
    familyCreatedAt: now,
    refreshExpiresAt,
  };
  return { issued, values };
}

function cookieSecret() {
  const sessionToken = formatSecret(secretPrefixes.session, randomBytes(32));
  const sessionTokenHash = hashSecret(sessionToken);
  return { sessionToken, refresh: undefined, sessionTokenHash, familyId: null, refreshHash: null };
}

function tokenSecret({ makeId, refreshTokens }: Issuers) {
  const { text: refresh, hash: refreshHash } = refreshTokens.first();
  return { sessionToken: undefined, refresh, sessionTokenHash: null, familyId: makeId(), refreshHash };
}

function deviceValues({ authEpoch, now }: SessionToIssue, deviceId: string, deviceExpiresAt: Date) {
  return { deviceId, deviceEpoch: authEpoch, deviceUsedAt: now, deviceExpiresAt };
}

function sessionValues(of: SessionToIssue, sessionId: string) {
  return {
    sessionId,
    sessionEpoch: of.authEpoch,
    sessionTransport: of.transport,
    sessionAmr: of.amr,
    sessionAcr: of.acr,
    sessionAuthTime: of.authTime,
    sessionFactorTimes: of.factorTimes,
    sessionSealedClientInfo: sealClientInfo(of.userKey, sessionId, clientInfoOf(of.requester)),
    sessionCreatedAt: of.now,
  };
}

function mint(
  { accessTokens }: Issuers,
  of: SessionToIssue,
  session: { readonly sessionId: string; readonly sessionExpiresAt: Date },
): Promise<AccessToken> {
  const { subject, clientId, acr, amr, authTime } = of;
  return accessTokens.mint({ ...session, subject, clientId, acr, amr, authTime });
}
