/** Users with sessions, inserted by the fragments that `domain` modules export, for tests of one module. */
import { createSecretKey, randomBytes } from 'node:crypto';
import { AuditLog } from '#domain/audit/index.ts';
import { type Client, Clients, defaultClientId, sessionExpiries } from '#domain/clients/index.ts';
import { deviceExpiry, useDeviceFragment } from '#domain/devices/index.ts';
import { claimEmailFragment } from '#domain/identifiers/index.ts';
import { insertFamilyFragment } from '#domain/refresh-tokens/index.ts';
import { insertSessionFragment, sealClientInfo } from '#domain/sessions/index.ts';
import { insertUserFragment } from '#domain/users/index.ts';
import { addSeconds, FixedClock, MovableClock } from '#kernel/clock.ts';
import { idMaker, type MakeId } from '#kernel/ids.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { type KeyEncryptionKey, type KeyRing, localKek, openKeys, type UserKey } from '#platform/keys/index.ts';
import { formatSecret, hashSecret, secretPrefixes } from '#protocol/secret-token/index.ts';

const claimed = claimEmailFragment();
const created = insertUserFragment('claimed');

/** Claims an address and inserts its user; inserts nothing when the address is taken. */
export const insertTestUser = statement('test_users.insert', {
  lane: 'pool',
  sql: `with ${claimed.sql}, ${created.sql} select user_id from claimed`,
  params: { ...claimed.params, ...created.params },
  columns: { userId: 'uuid' },
});

const device = useDeviceFragment('owner');
const session = insertSessionFragment('owner');
const family = insertFamilyFragment('created_session');

const logIn = statement('test_users.log_in', {
  lane: 'pool',
  sql: `with owner as (select id as user_id from users where id = :ownerId),
    ${device.sql}, ${session.sql}, ${family.sql} select session_id from created_session`,
  params: { ownerId: 'uuid', ...device.params, ...session.params, ...family.params },
  columns: { sessionId: 'uuid' },
});

/** Address and agent of every session that this fixture creates. */
export const clientInfo = { address: '192.0.2.7', userAgent: 'Test' };

/** A database with keys and the default client, and a clock that only the test moves. */
export interface DomainFixture {
  readonly database: Database;
  /** Advances the wall clock and the monotonic clock. */
  readonly time: FixedClock;
  /** The clock of the domain objects; its `advance` moves the wall clock alone. */
  readonly clock: MovableClock;
  readonly kek: KeyEncryptionKey;
  readonly keys: KeyRing;
  readonly makeId: MakeId;
  readonly audit: AuditLog;
  readonly clients: Clients;
  readonly client: Client;
}

export interface TestUser {
  readonly id: string;
  readonly identifierId: string;
  readonly email: string;
  readonly key: UserKey;
  readonly wrappedKey: Buffer;
}

/** A session with its secrets. */
export interface TestSession {
  readonly sessionId: string;
  readonly cookie: string;
  readonly refreshToken: string;
}

/** Opens the fixture on a migrated database: once per database, because its keys belong to one key-encryption key. */
export async function openDomainFixture(database: Database): Promise<DomainFixture> {
  const time = new FixedClock(new Date('2026-03-01T12:00:00.000Z'));
  const clock = new MovableClock(time);
  const makeId = idMaker(clock);
  const kek = localKek(createSecretKey(randomBytes(32)));
  const keys = await openKeys({ database, kek, clock, makeId });
  const clients = new Clients({ database, clock, issuer: 'https://login.example' });
  await clients.load();
  const audit = new AuditLog({ keys, makeId });
  return { database, time, clock, kek, keys, makeId, audit, clients, client: await clients.byId(defaultClientId) };
}

/** The parameters of `insertTestUser` for a new user. */
export function testUserValues(fixture: DomainFixture, email: string, canonical = email.toLowerCase()) {
  const { makeId, keys, clock } = fixture;
  const userId = makeId();
  const { wrapped } = keys.createUserKey(userId);
  const now = clock.now();
  return {
    identifierId: makeId(),
    identifierUserId: userId,
    identifierAsTyped: email,
    identifierCanonical: canonical,
    identifierVerifiedAt: now,
    identifierCreatedAt: now,
    userId,
    userName: 'Ada',
    userLocale: 'en',
    userCreatedAt: now,
    userWrappedKey: wrapped,
  };
}

/** Inserts a user with a key and a verified address. */
export async function addUser(fixture: DomainFixture): Promise<TestUser> {
  const values = testUserValues(fixture, `${fixture.makeId()}@people.example`);
  await fixture.database.run(insertTestUser, values);
  const key = fixture.keys.unwrapUserKey(values.userId, values.userWrappedKey);
  const { userId: id, identifierId, identifierAsTyped: email, userWrappedKey: wrappedKey } = values;
  return { id, identifierId, email, key, wrappedKey };
}

/** Creates a session of the user on a new device, with a cookie or a refresh-token family. */
export async function addSession(
  fixture: DomainFixture,
  user: Pick<TestUser, 'id' | 'key'>,
  transport: 'cookie' | 'token',
  authEpoch = 1,
): Promise<TestSession> {
  const now = fixture.clock.now();
  const sessionId = fixture.makeId();
  const cookie = formatSecret(secretPrefixes.session, randomBytes(32));
  const refreshToken = formatSecret(secretPrefixes.refreshToken, randomBytes(32));
  const { expiresAt, idleExpiresAt } = sessionExpiries(fixture.client, now);
  const deviceId = fixture.makeId();
  await fixture.database.run(logIn, {
    ownerId: user.id,
    deviceId,
    deviceEpoch: authEpoch,
    deviceUsedAt: now,
    deviceExpiresAt: deviceExpiry(now),
    sessionId,
    sessionClientId: fixture.client.id,
    sessionDeviceId: deviceId,
    sessionEpoch: authEpoch,
    sessionTransport: transport,
    sessionTokenHash: transport === 'cookie' ? hashSecret(cookie) : null,
    sessionAmr: ['pwd'],
    sessionAcr: 'aal1',
    sessionAuthTime: now,
    sessionFactorTimes: { pwd: now.toISOString() },
    sessionSealedClientInfo: sealClientInfo(user.key, sessionId, clientInfo),
    sessionCreatedAt: now,
    sessionIdleExpiresAt: idleExpiresAt,
    sessionExpiresAt: expiresAt,
    familyId: transport === 'token' ? fixture.makeId() : null,
    familyClientId: fixture.client.id,
    familyEpoch: authEpoch,
    familyCreatedAt: now,
    refreshHash: transport === 'token' ? hashSecret(refreshToken) : null,
    refreshExpiresAt: addSeconds(now, fixture.client.refreshTokenLifetimeSeconds),
  });
  return { sessionId, cookie, refreshToken };
}
