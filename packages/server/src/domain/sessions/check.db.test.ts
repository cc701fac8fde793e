import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Revocations } from '#domain/revocations/index.ts';
import { changeProfile, Users } from '#domain/users/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { countRoundTrips, describeOnBothDatabases, publishTo } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestSession,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { endSession, LastSeen, SessionCheck } from './index.ts';

const setIdleExpiry = statement('check_test.set_idle_expiry', {
  lane: 'pool',
  sql: `update sessions set idle_expires_at = :at where id = :sessionId`,
  params: { sessionId: 'uuid', at: 'timestamptz' },
  columns: {},
});

const hourMs = 2 * 3_600_000;
const rememberedMs = 300_000;

describeOnBothDatabases('the session check', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;
  let login: TestSession;
  let revocations: Revocations;
  let check: SessionCheck;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
    login = await addSession(fixture, user, 'cookie');
    ({ revocations, check } = node());
    await revocations.read();
  });

  /** A node with a memory and a feed of its own. */
  function node(over: Database = database()): { revocations: Revocations; check: SessionCheck } {
    const onError = () => undefined;
    const parts = { database: over, clock: fixture.clock, revocations: new Revocations({ ...fixture, onError }) };
    const lastSeen = new LastSeen({ database: over, onError });
    return {
      revocations: parts.revocations,
      check: new SessionCheck({ ...parts, lastSeen, verifyToken: async () => 'malformed' }),
    };
  }

  const present = async (text = login.cookie, of = check) => {
    const checked = await of.check({ transport: 'cookie', text });
    return typeof checked === 'object' ? checked : undefined;
  };
  const roundTrips = () => countRoundTrips(database(), () => present());

  /** Ends the session as another node would, whose clock differs by `aheadMs`. */
  function endElsewhere(aheadMs = 0) {
    const now = new Date(fixture.clock.now().getTime() + aheadMs);
    const request = { userId: user.id, reason: 'logout', now } as const;
    const event = fixture.audit.values({ action: 'session.logged_out', at: now, actor: { kind: 'user', id: user.id } });
    return endSession(database(), login.sessionId, request, event);
  }

  async function pass(ms: number): Promise<void> {
    fixture.time.advance(ms);
    await revocations.read();
  }

  it('costs one round trip when cold and none when warm', async () => {
    expect(await roundTrips()).toEqual(['sessions.find_live_by_token']);
    expect(await roundTrips()).toEqual([]);
    expect(check.counts).toEqual({ hits: 1, misses: 1 });
  });

  it('returns the same session and expiry, warm and cold', async () => {
    const cold = await present();
    const now = fixture.clock.now();
    const expiresAt = addSeconds(now, fixture.client.sessionIdleSeconds);
    expect(cold).toEqual({
      sessionId: login.sessionId,
      userId: user.id,
      subject: user.id,
      email: user.email,
      name: 'Ada',
      roles: [],
      clientId: 'default',
      authEpoch: 1,
      acr: 'aal1',
      amr: ['pwd'],
      authTime: now,
      transport: 'cookie',
      expiresAt,
      sessionExpiresAt: addSeconds(now, fixture.client.sessionLifetimeSeconds),
      iso: { authTime: now.toISOString(), expiresAt: expiresAt.toISOString() },
    });
    expect(await present()).toEqual(cold);
  });

  it.each(['', 'lk_st_', 'x'.repeat(55)])('rejects %j without a round trip', async (text) => {
    expect(await countRoundTrips(database(), () => present(text))).toEqual([]);
    expect(await present(text)).toBeUndefined();
  });

  it('never accepts a cookie as a token, also when warm', async () => {
    await present();
    expect(await check.check({ transport: 'token', text: login.cookie })).toBe('malformed');
    expect(await roundTrips()).toEqual([]);
  });

  it('rejects the cookie of a token session', async () => {
    login = await addSession(fixture, user, 'token');
    expect(await present()).toBeUndefined();
  });

  describe('a changed profile', () => {
    const rename = (name: string) =>
      database().transaction((tx) => changeProfile(tx, user.id, { name }, fixture.clock.now()));

    it('is seen on another node after its next read, which drops nothing else', async () => {
      const other = await addSession(fixture, await addUser(fixture), 'cookie');
      await present();
      await present(other.cookie);
      await rename('Grace');
      fixture.time.advance(1);
      await revocations.read();
      fixture.time.advance(1);
      expect((await present())?.name).toBe('Grace');
      expect(await roundTrips()).toEqual([]);
      expect(await countRoundTrips(database(), () => present(other.cookie))).toEqual([]);
    });

    it('is seen on its own node immediately', async () => {
      await present();
      await rename('Grace');
      revocations.publish({ kind: 'profile', target: user.id, epoch: null });
      expect((await present())?.name).toBe('Grace');
    });

    it('is seen although a read began before the change and ended after it', async () => {
      const slow = node();
      await slow.revocations.read();
      const reading = present(login.cookie, slow.check);
      await rename('Grace');
      await slow.revocations.read();
      await reading;
      fixture.time.advance(1);
      expect((await present(login.cookie, slow.check))?.name).toBe('Grace');
    });

    it('is no change when the values stay the same', async () => {
      await present();
      await rename((await present())?.name ?? '');
      fixture.time.advance(1);
      await revocations.read();
      expect(await roundTrips()).toEqual([]);
    });
  });

  describe('a revoked session', () => {
    it('is rejected on another node after its next read', async () => {
      expect(await present()).toBeDefined();
      await endElsewhere();
      await revocations.read();
      expect(await present()).toBeUndefined();
    });

    it('is rejected on another node a second later, also when that node reads nothing', async () => {
      expect(await present()).toBeDefined();
      await endElsewhere();
      fixture.time.advance(1000);
      expect(await present()).toBeUndefined();
    });

    it('is rejected on its own node immediately', async () => {
      expect(await present()).toBeDefined();
      const stop = publishTo(database(), revocations);
      await endElsewhere();
      stop();
      expect(await present()).toBeUndefined();
    });

    it.each([
      ['the epoch is raised', (users: Users) => database().transaction((tx) => users.raiseEpoch(tx, user.id))],
      [
        'the user is disabled',
        (users: Users) => database().transaction((tx) => users.changeStatus(tx, user.id, 'disabled')),
      ],
    ])('is every session of the user when %s', async (_, end) => {
      expect(await present()).toBeDefined();
      await end(new Users(fixture));
      await revocations.read();
      expect(await present()).toBeUndefined();
      expect(await present(login.cookie, node().check)).toBeUndefined();
    });

    it('is not remembered when it is revoked while it is read', async () => {
      const gate = Promise.withResolvers<void>();
      const row: Database['row'] = async (statement, values) => {
        const read = await database().row(statement, values);
        await gate.promise;
        return read;
      };
      const slow = node({ ...database(), row });
      await slow.revocations.read();
      const reading = present(login.cookie, slow.check);
      const stop = publishTo(database(), slow.revocations);
      await endElsewhere();
      stop();
      gate.resolve();
      expect(await reading).toBeUndefined();
      expect(await present(login.cookie, slow.check)).toBeUndefined();
    });

    it('stays revoked when the wall clock jumps ahead, the revocation expires, and the clock jumps back', async () => {
      expect(await present()).toBeDefined();
      await endElsewhere();
      await revocations.read();
      fixture.clock.advance(hourMs);
      await pass(40_000);
      await pass(40_000);
      fixture.clock.advance(-hourMs);
      await pass(1000);
      expect(await present()).toBeUndefined();
    });

    it('stays revoked when the revoking node has a clock far behind, and the revocation expires early', async () => {
      expect(await present()).toBeDefined();
      await endElsewhere(-hourMs);
      await pass(10_000);
      await pass(10_000);
      expect(await present()).toBeUndefined();
    });
  });

  describe('memory', () => {
    it('is checked against the database each time while the feed is not trusted', async () => {
      const { check: distrustful } = node();
      for (let n = 0; n < 3; n += 1) {
        const names = await countRoundTrips(database(), () => present(login.cookie, distrustful));
        expect(names).toEqual(['sessions.find_live_by_token']);
      }
    });

    it('is trusted until a second after the start of the last read', async () => {
      await present();
      fixture.time.advance(999);
      expect(await roundTrips()).toEqual([]);
      fixture.time.advance(1);
      expect(await roundTrips()).toHaveLength(1);
    });

    it('is not trusted after the wall clock has moved back', async () => {
      await present();
      fixture.clock.advance(-1);
      expect(await roundTrips()).toHaveLength(1);
      fixture.clock.advance(1);
    });

    it('is not trusted after the wall clock has moved ahead', async () => {
      await present();
      fixture.clock.advance(rememberedMs);
      expect(await roundTrips()).toHaveLength(1);
      fixture.clock.advance(-rememberedMs);
    });

    it('is read again after five minutes, however fresh the feed is', async () => {
      await present();
      await pass(rememberedMs - 1);
      expect(await roundTrips()).toEqual([]);
      await pass(1);
      expect(await roundTrips()).toHaveLength(1);
    });

    it('is read again after five minutes, also when the wall clock moved back meanwhile', async () => {
      await present();
      fixture.clock.advance(-60_000);
      await pass(rememberedMs);
      expect(await roundTrips()).toHaveLength(1);
      fixture.clock.advance(60_000);
    });

    it('expires with the session, to the millisecond', async () => {
      await database().run(setIdleExpiry, { sessionId: login.sessionId, at: addSeconds(fixture.clock.now(), 60) });
      expect((await present())?.expiresAt).toEqual(addSeconds(fixture.clock.now(), 60));
      await pass(59_999);
      expect(await present()).toBeDefined();
      await pass(1);
      expect(await present()).toBeUndefined();
    });
  });
});
