import { beforeAll, beforeEach, expect, it } from 'vitest';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import {
  addSession,
  addUser,
  type DomainFixture,
  openDomainFixture,
  type TestUser,
} from '#test/support/domain-fixture.ts';
import { copySessions, cureRows, poisonRows } from '#test/support/thousands.ts';
import { LastSeen } from './index.ts';

const sessionsOf = statement('last_seen_test.sessions_of', {
  lane: 'pool',
  sql: `select id, last_seen_at, idle_expires_at, expires_at from sessions where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { id: 'uuid', lastSeenAt: 'timestamptz', idleExpiresAt: 'timestamptz', expiresAt: 'timestamptz' },
});
const endOne = statement('last_seen_test.end', {
  lane: 'pool',
  sql: `update sessions set ended_at = :now, end_reason = 'logout' where id = :id`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});
const shortIdle = statement('last_seen_test.set_idle', {
  lane: 'pool',
  sql: `update clients set session_idle_seconds = :seconds`,
  params: { seconds: 'int4' },
  columns: {},
});

describeOnBothDatabases('last seen', (database) => {
  let fixture: DomainFixture;
  let user: TestUser;

  beforeAll(async () => {
    fixture = await openDomainFixture(database());
  });

  beforeEach(async () => {
    user = await addUser(fixture);
  });

  const now = () => fixture.clock.now();
  const later = (seconds: number) => addSeconds(now(), seconds);
  const login = async (transport: 'cookie' | 'token' = 'token') =>
    (await addSession(fixture, user, transport)).sessionId;
  const lastSeen = () => new LastSeen({ database: database(), onError: () => undefined });
  const readAll = () => database().rows(sessionsOf, { userId: user.id });
  const read = async (id: string) => (await readAll()).find((session) => session.id === id);

  it('extends the idle expiry, in one statement for all sessions, and leaves the absolute expiry alone', async () => {
    const ids = [await login(), await login('cookie')];
    const before = await read(ids[0] as string);
    fixture.time.advance(120_000);
    const seen = lastSeen();
    for (const id of ids) seen.note(id, now());
    expect(await countRoundTrips(database(), () => seen.flush())).toEqual(['sessions.write_last_seen']);
    const idleExpiresAt = later(fixture.client.sessionIdleSeconds);
    const { expiresAt } = before ?? {};
    for (const id of ids) expect(await read(id)).toEqual({ id, lastSeenAt: now(), idleExpiresAt, expiresAt });
  });

  it('never goes back, whichever node writes last', async () => {
    const sessionId = await login();
    for (const at of [later(600), later(300)]) {
      const seen = lastSeen();
      seen.note(sessionId, at);
      await seen.flush();
    }
    expect(await read(sessionId)).toMatchObject({ lastSeenAt: later(600) });
  });

  it('is not written while the stored time is less than two minutes old, or a tenth of a short idle timeout', async () => {
    const sessionId = await login();
    const before = await read(sessionId);
    const seen = lastSeen();
    seen.note(sessionId, later(119));
    await seen.flush();
    expect(await read(sessionId)).toEqual(before);
    await database().run(shortIdle, { seconds: 60 });
    seen.note(sessionId, later(6));
    await seen.flush();
    expect(await read(sessionId)).toMatchObject({ lastSeenAt: later(6), idleExpiresAt: later(66) });
    await database().run(shortIdle, { seconds: fixture.client.sessionIdleSeconds });
  });

  it('does not change an ended session', async () => {
    const sessionId = await login();
    await database().run(endOne, { id: sessionId, now: now() });
    const before = await read(sessionId);
    const seen = lastSeen();
    seen.note(sessionId, later(300));
    await seen.flush();
    expect(await read(sessionId)).toEqual(before);
  });

  it('is written when it stops, and not when nothing is pending', async () => {
    const sessionId = await login();
    const seen = lastSeen();
    seen.start();
    seen.note(sessionId, later(300));
    await seen.stop();
    expect(await read(sessionId)).toMatchObject({ lastSeenAt: later(300) });
    expect(await countRoundTrips(database(), () => seen.flush())).toEqual([]);
  });

  it('writes the times of 1,200 sessions in chunks of 500, and those of all others when one row fails', async () => {
    const ids = await copySessions(database(), await login(), 1_200);
    const seen = lastSeen();
    const noteAll = (at: Date) => {
      for (const id of ids) seen.note(id, at);
    };
    noteAll(later(600));
    expect(await countRoundTrips(database(), () => seen.flush())).toHaveLength(3);
    expect((await readAll()).filter(({ lastSeenAt }) => lastSeenAt < later(600))).toHaveLength(1);

    const poisoned = ids[721] as string;
    await poisonRows(database(), 'sessions', [poisoned]);
    noteAll(later(1200));
    await expect(seen.flush()).rejects.toThrow('poisoned');
    const old = (await readAll()).filter(({ lastSeenAt }) => lastSeenAt < later(1200)).map(({ id }) => id);
    expect(old).toHaveLength(2);
    expect(old).toContain(poisoned);
    expect(await countRoundTrips(database(), () => seen.flush())).toEqual([]);
    await cureRows(database());
  });

  it('keeps the times while the database is unavailable, and sends it one statement', async () => {
    const sessionId = await login();
    const sent = { calls: 0, isAvailable: false };
    const run: Database['run'] = async (statement, values) => {
      sent.calls += 1;
      if (!sent.isAvailable) throw new Problem('unavailable');
      return database().run(statement, values);
    };
    const seen = new LastSeen({ database: { ...database(), run }, onError: () => undefined });
    for (let index = 0; index < 5_000; index += 1) seen.note(fixture.makeId(), now());
    seen.note(sessionId, later(300));
    await expect(seen.flush()).rejects.toMatchObject({ code: 'unavailable' });
    expect(sent.calls).toBe(1);
    sent.isAvailable = true;
    await seen.flush();
    expect(await read(sessionId)).toMatchObject({ lastSeenAt: later(300) });
  });
});
