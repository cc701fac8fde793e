import { beforeAll, beforeEach, expect, it } from 'vitest';
import { DeviceTokens } from '#domain/devices/index.ts';
import { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { endSessionsOfUser } from '#domain/sessions/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { Users } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { addSeconds } from '#kernel/clock.ts';
import type { Requester } from '#kernel/requester.ts';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { AccessTokens } from './access-tokens.ts';
import { findActing, type Issuers, renewSession } from './index.ts';

const stored = statement('renew_test.stored', {
  lane: 'pool',
  sql: `select s.id, s.transport, s.auth_epoch, s.auth_time, s.factor_times, s.amr, s.acr, s.end_reason,
      s.idle_expires_at, s.expires_at, s.device_id, d.auth_epoch as device_epoch,
      (select count(*) from refresh_families f where f.session_id = s.id and f.ended_at is null) as families
    from sessions s join devices d on d.id = s.device_id where s.user_id = :userId order by s.created_at, s.id`,
  params: { userId: 'uuid' },
  columns: {
    id: 'uuid',
    transport: 'text',
    authEpoch: 'int4',
    authTime: 'timestamptz',
    factorTimes: 'jsonb',
    amr: 'text[]',
    acr: 'text',
    endReason: 'text?',
    idleExpiresAt: 'timestamptz',
    expiresAt: 'timestamptz',
    deviceId: 'uuid',
    deviceEpoch: 'int4',
    families: 'int8',
  },
});

const requester: Requester = {
  address: '203.0.113.7',
  userAgent: 'test',
  requestId: 'r',
};
const dayMs = 24 * 3600 * 1000;

describeOnBothDatabases('a renewed session', (database) => {
  let fixture: DomainFixture;
  let users: Users;
  let issuers: Issuers;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    const signingKeys = await new SigningKeys({ ...fixture, algorithm: 'ES256' }).open();
    users = new Users(fixture);
    issuers = {
      makeId: fixture.makeId,
      clients: fixture.clients,
      devices: new DeviceTokens(fixture.keys),
      accessTokens: new AccessTokens({ ...fixture, signingKeys, issuer: 'https://login.example' }),
      refreshTokens: new RefreshTokens(fixture),
    };
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const rows = () => database().rows(stored, { userId: user.id });

  function renew(sessionId: string) {
    return database().transaction(async (tx) => {
      const now = fixture.clock.now();
      await users.lock(tx, user.id);
      const acting = await findActing(tx, { userId: user.id, sessionId }, now);
      if (acting === undefined) return undefined;
      const authEpoch = present(await users.raiseEpoch(tx, user.id), 'the user');
      const endedSessions = await endSessionsOfUser(tx, { userId: user.id, reason: 'password_changed', now });
      const issued = await renewSession(issuers, tx, acting, { authEpoch, requester, userKey: user.key, now });
      return { issued, endedSessions };
    });
  }

  it.each(['cookie', 'token'] as const)('keeps its device, factor times and end, by %s', async (transport) => {
    const { sessionId } = await addSession(fixture, user, transport);
    const loggedInAt = fixture.clock.now();
    fixture.time.advance(dayMs);
    const renewed = await renew(sessionId);
    const [before, after] = await rows();
    expect(before).toMatchObject({ id: sessionId, endReason: 'password_changed', families: 0 });
    expect(after).toMatchObject({
      id: renewed?.issued.sessionId,
      transport,
      endReason: null,
      authEpoch: 2,
      deviceId: before?.deviceId,
      deviceEpoch: 2,
      authTime: loggedInAt,
      factorTimes: { pwd: loggedInAt.toISOString() },
      amr: before?.amr,
      acr: before?.acr,
      expiresAt: before?.expiresAt,
      idleExpiresAt: addSeconds(fixture.clock.now(), fixture.client.sessionIdleSeconds),
      families: transport === 'token' ? 1 : 0,
    });
    expect([renewed?.issued.tokens !== undefined, renewed?.issued.sessionToken !== undefined]).toEqual(
      transport === 'token' ? [true, false] : [false, true],
    );
  });

  it('issues no refresh token that outlives the session', async () => {
    const { sessionId } = await addSession(fixture, user, 'token');
    // Stays within the idle limit.
    fixture.time.advance(6 * dayMs);
    let acting = present(await renew(sessionId), 'the first').issued;
    for (let round = 0; round < 3; round += 1) {
      fixture.time.advance(6 * dayMs);
      acting = present(await renew(acting.sessionId), 'the next').issued;
    }
    expect(acting.tokens?.refreshExpiresAt).toEqual(acting.sessionExpiresAt);
    fixture.time.advance(6 * dayMs);
    expect(await renew(acting.sessionId)).toBeUndefined();
  });

  it('revokes every other session and their devices', async () => {
    const acting = await addSession(fixture, user, 'cookie');
    for (const transport of ['cookie', 'token'] as const) await addSession(fixture, user, transport);
    const renewed = await renew(acting.sessionId);
    expect(renewed?.endedSessions).toBe(3);
    const all = await rows();
    expect(all.map(({ endReason }) => endReason)).toEqual([...Array(3).fill('password_changed'), null]);
    expect(all.filter(({ deviceEpoch }) => deviceEpoch === 2).map(({ id }) => id)).toEqual([
      acting.sessionId,
      renewed?.issued.sessionId,
    ]);
  });

  it('is renewed by one of ten concurrent changes; the others find it revoked', async () => {
    const { sessionId } = await addSession(fixture, user, 'token');
    const results = await Promise.all(Array.from({ length: 10 }, () => renew(sessionId)));
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
    expect((await rows()).map(({ endReason }) => endReason)).toEqual(['password_changed', null]);
  });

  it('is never a session of another user', async () => {
    const { sessionId } = await addSession(fixture, await addUser(fixture), 'token');
    expect(await renew(sessionId)).toBeUndefined();
  });
});
