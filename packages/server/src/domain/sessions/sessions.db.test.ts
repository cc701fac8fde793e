import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Users } from '#domain/users/index.ts';
import { statement } from '#platform/database/index.ts';
import { countRoundTrips, describeOnBothDatabases, effectsOf } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  clientInfo,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import {
  deleteEndedSessions,
  endSession,
  endSessionsOfUser,
  IdleSessions,
  LastClients,
  listSessions,
  openClientInfo,
} from './index.ts';
import { sealClientInfo } from './session.ts';

const state = statement('sessions_test.state', {
  lane: 'pool',
  sql: `select s.ended_at, s.end_reason, s.last_seen_at, s.idle_expires_at, s.expires_at,
      (select count(*) from refresh_families f where f.session_id = s.id and f.ended_at = s.ended_at) as ended_families,
      (select count(*) from revocations e where e.kind = 'session' and e.target = s.id::text) as revocations,
      (select count(*) from audit_events a where a.session_id = s.id) as events
    from sessions s where s.id = :sessionId`,
  params: { sessionId: 'uuid' },
  columns: {
    endedAt: 'timestamptz?',
    endReason: 'text?',
    lastSeenAt: 'timestamptz',
    idleExpiresAt: 'timestamptz',
    expiresAt: 'timestamptz',
    endedFamilies: 'int8',
    revocations: 'int8',
    events: 'int8',
  },
});
const tokensOf = statement('sessions_test.count_tokens', {
  lane: 'pool',
  sql: `select count(*) as tokens from refresh_tokens t join refresh_families f on f.id = t.family_id
    where f.user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { tokens: 'int8' },
});

const weekSeconds = 7 * 24 * 3600;

describeOnBothDatabases('sessions', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const now = () => fixture.clock.now();
  const login = async (transport: 'cookie' | 'token' = 'token') =>
    (await addSession(fixture, user, transport)).sessionId;
  const read = (sessionId: string) => database().row(state, { sessionId });
  const list = async () => (await listSessions(database(), user.id, { now: now(), limit: 100 })).map(({ id }) => id);

  function end(sessionId: string, userId = user.id) {
    const request = { userId, reason: 'logout', now: now() } as const;
    const actor = { kind: 'user', id: userId } as const;
    const event = fixture.audit.values({ action: 'session.logged_out', at: now(), actor, userId, sessionId });
    return endSession(database(), sessionId, request, event);
  }

  function endAll(except?: string) {
    const request = {
      userId: user.id,
      reason: 'logged_out_everywhere',
      now: now(),
    } as const;
    return database().transaction((tx) =>
      endSessionsOfUser(tx, except === undefined ? request : { ...request, except }),
    );
  }

  describe('ending one', () => {
    it('ends its refresh family, inserts a revocation and records the event, in one round trip', async () => {
      const sessionId = await login();
      expect(await countRoundTrips(database(), () => end(sessionId))).toEqual(['sessions.end']);
      const ended = { endedAt: now(), endReason: 'logout', endedFamilies: 1, revocations: 1, events: 1 };
      expect(await read(sessionId)).toMatchObject(ended);
    });

    it('is published after the commit', async () => {
      const sessionId = await login();
      const committed = await effectsOf(database(), async () => expect(await end(sessionId)).toBe(true));
      const revoked = [{ kind: 'session', target: sessionId, epoch: null, reason: 'logout' }];
      expect(committed).toEqual([{ revoked, enqueued: false }]);
    });

    it('happens once for concurrent calls', async () => {
      const sessionId = await login();
      const answers = await Promise.all(Array.from({ length: 20 }, () => end(sessionId)));
      expect(answers.filter((ended) => ended)).toHaveLength(1);
      expect(await read(sessionId)).toMatchObject({ revocations: 1, events: 1 });
    });

    it('does not affect the session of another user, and records nothing', async () => {
      const sessionId = await login();
      const stranger = await addUser(fixture);
      expect(await end(sessionId, stranger.id)).toBe(false);
      expect(await read(sessionId)).toMatchObject({ endedAt: null, endedFamilies: 0, revocations: 0, events: 0 });
    });
  });

  describe('ending all of a user', () => {
    it('spares the excepted one, and sessions of other users', async () => {
      const [first, kept, third] = [await login(), await login('cookie'), await login()];
      const stranger = await addSession(fixture, await addUser(fixture), 'cookie');
      const [committed] = await effectsOf(database(), async () => expect(await endAll(kept)).toBe(2));
      expect(committed?.revoked.map(({ target }) => target).sort()).toEqual([first, third].sort());
      expect(await read(first)).toMatchObject({ endReason: 'logged_out_everywhere', endedFamilies: 1, revocations: 1 });
      expect(await read(kept)).toMatchObject({ endedAt: null, revocations: 0 });
      expect(await read(stranger.sessionId)).toMatchObject({ endedAt: null });
    });

    it('leaves all sessions active when the transaction fails', async () => {
      const sessionId = await login();
      const request = { userId: user.id, reason: 'disabled', now: now() } as const;
      const failed = database().transaction(async (tx) => {
        await endSessionsOfUser(tx, request);
        throw new Error('the effect failed');
      });
      await expect(failed).rejects.toThrow('the effect failed');
      expect(await read(sessionId)).toMatchObject({ endedAt: null, endedFamilies: 0, revocations: 0 });
    });

    it('ends each session once when all of them end all others concurrently', async () => {
      const ids = await Promise.all(Array.from({ length: 6 }, () => login()));
      await Promise.all(ids.map((id) => endAll(id)));
      for (const id of ids) expect((await read(id))?.revocations).toBeLessThanOrEqual(1);
    });
  });

  describe('the list', () => {
    it('has the active ones, newest first, each with client information that is encrypted for its row', async () => {
      const first = await login();
      fixture.time.advance(1);
      const second = await login('cookie');
      const ended = await login();
      await end(ended);
      const sessions = await listSessions(database(), user.id, { now: now(), limit: 100 });
      expect(sessions.map(({ id, transport }) => [id, transport])).toEqual([
        [second, 'cookie'],
        [first, 'token'],
      ]);
      const sealed = sessions[1]?.sealedClientInfo ?? Buffer.alloc(0);
      expect(openClientInfo(user.key, first, sealed)).toEqual(clientInfo);
      expect(() => openClientInfo(user.key, second, sealed)).toThrow('not authentic');
    });

    it('has none of an earlier epoch, and none that was idle for too long', async () => {
      const idle = await login();
      expect(await list()).toEqual([idle]);
      fixture.time.advance(fixture.client.sessionIdleSeconds * 1000);
      expect(await list()).toEqual([]);
      await login();
      await database().transaction((tx) => new Users(fixture).raiseEpoch(tx, user.id));
      expect(await list()).toEqual([]);
    });
  });

  it('are compared with a client by one decryption while client and ciphertext stay the same', () => {
    const sessionId = fixture.makeId();
    const [sealed, sealedAgain] = [0, 1].map(() => sealClientInfo(user.key, sessionId, clientInfo)) as [Buffer, Buffer];
    const clients = new LastClients();
    let decryptions = 0;
    const keyOf = () => {
      decryptions += 1;
      return user.key;
    };
    const compare = (ciphertext: Buffer, client = clientInfo, id = sessionId) => {
      const hasMoved = clients.hasMoved(keyOf, { sessionId: id, sealed: ciphertext }, client);
      return { hasMoved, decryptions };
    };
    const elsewhere = { ...clientInfo, address: '198.51.100.9' };
    expect(compare(sealed)).toEqual({ hasMoved: false, decryptions: 1 });
    expect(compare(sealed)).toEqual({ hasMoved: false, decryptions: 1 });
    expect(compare(sealed, elsewhere)).toEqual({ hasMoved: true, decryptions: 2 });
    expect(compare(sealed, elsewhere)).toEqual({ hasMoved: true, decryptions: 3 });
    expect(compare(sealed, { ...clientInfo, userAgent: 'Other' })).toEqual({ hasMoved: true, decryptions: 4 });
    expect(compare(sealedAgain)).toEqual({ hasMoved: false, decryptions: 5 });
    expect(() => compare(sealedAgain, clientInfo, fixture.makeId())).toThrow('not authentic');
  });

  describe('the sweep', () => {
    const sweep = () => deleteEndedSessions(database(), now());

    it('deletes sessions that ended a week ago, with their refresh tokens, and no active one', async () => {
      const ended = await login();
      await end(ended);
      fixture.time.advance(weekSeconds * 1000);
      const alive = await login();
      await sweep();
      expect(await read(ended)).toBeDefined();
      fixture.time.advance(1);
      expect(await sweep()).toBeGreaterThan(0);
      expect(await read(ended)).toBeUndefined();
      expect(await read(alive)).toBeDefined();
      expect(await database().row(tokensOf, { userId: user.id })).toEqual({ tokens: 1 });
    });

    it('deletes unused sessions a week after their idle expiry', async () => {
      const sessionId = await login();
      const idleSessions = new IdleSessions(database());
      fixture.time.advance((fixture.client.sessionIdleSeconds + weekSeconds) * 1000);
      const alive = await login();
      await idleSessions.deleteSome(now());
      expect(await read(sessionId)).toBeDefined();
      fixture.time.advance(1);
      await idleSessions.deleteSome(now());
      expect(await read(sessionId)).toBeUndefined();
      expect(await read(alive)).toBeDefined();
    });
  });
});
