import { beforeAll, beforeEach, expect, it } from 'vitest';
import { MailLedger } from '#domain/mail-ledger/index.ts';
import { RefreshTokens } from '#domain/refresh-tokens/index.ts';
import { AccessTokens } from '#domain/session-issuance/index.ts';
import { LastClients, LastSeen } from '#domain/sessions/index.ts';
import { SigningKeys } from '#domain/signing-keys/index.ts';
import { Users } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import type { Caller } from '#platform/http/index.ts';
import { describeOnBothDatabases, effectsOf } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestSession,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { RefreshQuota } from './quota.ts';
import { type Refresh, refresh as refreshWith } from './refresh.ts';

const state = statement('refresh_test.state', {
  lane: 'pool',
  sql: `select s.end_reason, (select count(*) from mail_ledger m where m.user_id = s.user_id) as mails,
      (select count(*) from audit_events a where a.session_id = s.id and a.action = 'refresh_token.reused') as events
    from sessions s where s.id = :sessionId`,
  params: { sessionId: 'uuid' },
  columns: { endReason: 'text?', mails: 'int8', events: 'int8' },
});

const moves = statement('refresh_test.moves', {
  lane: 'pool',
  sql: `select count(*) as events from audit_events where session_id = :sessionId and action = 'session.moved'`,
  params: { sessionId: 'uuid' },
  columns: { events: 'int8' },
});

const caller: Caller = {
  address: '203.0.113.7',
  userAgent: 'test',
  acceptLanguage: undefined,
  requestId: 'r',
  deviceCookie: undefined,
};

const dayMs = 24 * 3600 * 1000;

const refresh = (flow: Refresh, text: string, from: Caller) => refreshWith(flow, text, from, () => undefined);

const unlimited = { headers: [], retryAfterSeconds: undefined };
const noLimits = { use: () => unlimited, bucketOf: (address: string) => address };

describeOnBothDatabases('refresh', (database) => {
  let fixture: DomainFixture;
  let flow: Refresh;
  let user: TestUser;
  let login: TestSession;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
    const signingKeys = await new SigningKeys({ ...fixture, algorithm: 'ES256' }).open();
    const issuer = 'https://login.example';
    const onError = () => undefined;
    flow = {
      ...fixture,
      refreshTokens: new RefreshTokens(fixture),
      accessTokens: new AccessTokens({ ...fixture, signingKeys, issuer }),
      users: new Users(fixture),
      lastClients: new LastClients(),
      lastSeen: new LastSeen({ ...fixture, onError }),
      mail: new MailLedger({ ...fixture, publicUrl: issuer }),
      refreshQuota: new RefreshQuota(noLimits, fixture.clock),
    };
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    login = await addSession(fixture, user, 'token');
  });

  const read = () => database().row(state, { sessionId: login.sessionId });

  it('counts as use of the session: daily refreshes keep it active until its absolute expiry', async () => {
    let text = login.refreshToken;
    for (let day = 1; day < 30; day += 1) {
      fixture.time.advance(dayMs);
      ({ refreshToken: text } = await refresh(flow, text, caller));
      await flow.lastSeen.flush();
    }
    fixture.time.advance(dayMs);
    await expect(refresh(flow, text, caller)).rejects.toMatchObject({ code: 'invalid_refresh_token' });
  });

  it('ends the session once, with one mail and one event, for twenty concurrent reuses after the grace period', async () => {
    await refresh(flow, login.refreshToken, caller);
    fixture.time.advance(10_000);
    const reuses = Array.from({ length: 20 }, () =>
      expect(refresh(flow, login.refreshToken, caller)).rejects.toMatchObject({ code: 'invalid_refresh_token' }),
    );
    const committed = await effectsOf(database(), () => Promise.all(reuses));
    expect(await read()).toEqual({ endReason: 'refresh_token_reuse', mails: 1, events: 1 });
    const revoked = [{ kind: 'session', target: login.sessionId, epoch: null, reason: 'refresh_token_reuse' }];
    expect(committed).toEqual([{ revoked, enqueued: true }]);
  });

  it('revokes the newest token when an old one is reused', async () => {
    const { refreshToken } = await refresh(flow, login.refreshToken, caller);
    fixture.time.advance(10_000);
    await expect(refresh(flow, login.refreshToken, caller)).rejects.toMatchObject({ code: 'invalid_refresh_token' });
    await expect(refresh(flow, refreshToken, caller)).rejects.toMatchObject({ code: 'invalid_refresh_token' });
  });

  it('records a changed address once, and nothing while it stays the same', async () => {
    const moved = () => database().row(moves, { sessionId: login.sessionId });
    const { refreshToken } = await refresh(flow, login.refreshToken, caller);
    const before = (await moved())?.events ?? 0;
    const stayed = await refresh(flow, refreshToken, caller);
    expect(await moved()).toEqual({ events: before });
    const elsewhere = { ...caller, address: '198.51.100.9' };
    await Promise.all(Array.from({ length: 5 }, () => refresh(flow, stayed.refreshToken, elsewhere)));
    expect(await moved()).toEqual({ events: before + 1 });
  });
});
