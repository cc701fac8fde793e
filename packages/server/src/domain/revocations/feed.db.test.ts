import { afterEach, beforeEach, expect, it } from 'vitest';
import { addSeconds, FixedClock, MovableClock } from '#kernel/clock.ts';
import { type Database, type Queries, statement } from '#platform/database/index.ts';
import { countRoundTrips, describeOnBothDatabases } from '#test/support/databases.ts';
import { eventually } from '#test/support/wait.ts';
import { Revocations } from './index.ts';

const insertRevocation = statement('feed_test.insert', {
  lane: 'pool',
  sql: `insert into revocations (kind, target, ended_at, expires_at)
    values ('session', :target, :endedAt, :expiresAt) returning id, target`,
  params: { target: 'text', endedAt: 'timestamptz', expiresAt: 'timestamptz' },
  columns: { id: 'int8', target: 'text' },
  after: { revokes: { kind: 'session', target: 'target' } },
});
const insertWithId = statement('feed_test.insert_with_id', {
  lane: 'pool',
  sql: `insert into revocations (id, kind, target, ended_at, expires_at) overriding system value
    values (:id, 'session', :target, :endedAt, :expiresAt) returning target`,
  params: { id: 'int8', target: 'text', endedAt: 'timestamptz', expiresAt: 'timestamptz' },
  columns: { target: 'text' },
  after: { revokes: { kind: 'session', target: 'target' } },
});
const insertMany = statement('feed_test.insert_many', {
  lane: 'pool',
  sql: `insert into revocations (kind, target, ended_at, expires_at)
    select 'session', 'many ' || n, :endedAt, :expiresAt from generate_series(1, :times) as s (n) order by n
    returning target`,
  params: { endedAt: 'timestamptz', expiresAt: 'timestamptz', times: 'int4' },
  columns: { target: 'text' },
  after: { revokes: { kind: 'session', target: 'target' } },
});
const count = statement('feed_test.count', {
  lane: 'pool',
  sql: `select count(*) as left from revocations`,
  params: {},
  columns: { left: 'int8' },
});
const clear = statement('feed_test.clear', { lane: 'pool', sql: `delete from revocations`, params: {}, columns: {} });

describeOnBothDatabases('the revocation feed', (database, kind) => {
  let time: FixedClock;
  let clock: MovableClock;
  let broken: Error | undefined;
  const started: Revocations[] = [];

  beforeEach(() => {
    time = new FixedClock(new Date('2026-03-01T12:00:00.000Z'));
    clock = new MovableClock(time);
    broken = undefined;
  });

  afterEach(async () => {
    await Promise.all(started.splice(0).map((revocations) => revocations.stop()));
    await database().run(clear, {});
  });

  /** The feed of a node; while `broken` is set, the node cannot reach its database. */
  function node(onError: (error: unknown) => void = () => undefined): Revocations {
    const rows: Database['rows'] = (reads, values) =>
      broken === undefined ? database().rows(reads, values) : Promise.reject(broken);
    return new Revocations({ database: { ...database(), rows }, clock, onError });
  }

  /** The feed of a node, with the first id of each range that it reads. */
  function watchedNode() {
    const reads: (readonly number[])[] = [];
    const rows: Database['rows'] = (statement, values) => {
      reads.push((values as { firsts: readonly number[] }).firsts);
      return database().rows(statement, values);
    };
    const watched = new Revocations({ database: { ...database(), rows }, clock, onError: () => undefined });
    return { watched, reads };
  }

  function revoke(target: string, queries: Queries = database(), lifetimeSeconds = 960) {
    const endedAt = clock.now();
    return queries.row(insertRevocation, { target, endedAt, expiresAt: addSeconds(endedAt, lifetimeSeconds) });
  }

  const isRevoked = (revocations: Revocations, sessionId: string) =>
    revocations.isRevoked({ sessionId, userId: 'u', authEpoch: 1, kid: undefined });

  it('knows earlier revocations after the first read, except expired ones', async () => {
    await revoke('before');
    await revoke('long ago', database(), -1);
    const revocations = node();
    expect(revocations.trusted()).toBe(false);
    await revocations.read();
    expect(isRevoked(revocations, 'before')).toBe(true);
    expect(isRevoked(revocations, 'long ago')).toBe(false);
  });

  it("learns of another node's revocation with one small read", async () => {
    const revocations = node();
    await revocations.read();
    await revoke('elsewhere');
    expect(isRevoked(revocations, 'elsewhere')).toBe(false);
    expect(await countRoundTrips(database(), () => revocations.read())).toEqual(['revocations.read_new']);
    expect(isRevoked(revocations, 'elsewhere')).toBe(true);
  });

  it('knows its own revocations immediately', async () => {
    const revocations = node();
    revocations.publish({ kind: 'session', target: 'here', epoch: null });
    expect(isRevoked(revocations, 'here')).toBe(true);
  });

  it('sees a smaller id that commits later, for 30 s after a larger one', async () => {
    const revocations = node();
    await revocations.read();
    const { id } = (await revoke('taken and given back')) ?? { id: 0 };
    await database().run(clear, {});
    await revoke('larger');
    await revocations.read();
    for (let seconds = 0; seconds < 29; seconds += 1) {
      time.advance(1000);
      await revocations.read();
    }
    const endedAt = clock.now();
    await database().run(insertWithId, { id, target: 'smaller', endedAt, expiresAt: addSeconds(endedAt, 960) });
    await revocations.read();
    expect(isRevoked(revocations, 'larger')).toBe(true);
    expect(isRevoked(revocations, 'smaller')).toBe(true);
  });

  // The embedded database has one connection, so no transaction can be open beside another.
  if (kind === 'postgres') {
    it('sees the revocations of a transaction that was open while later ones committed', async () => {
      const revocations = node();
      await revocations.read();
      await database().transaction(async (tx) => {
        await revoke('slow', tx);
        await revoke('quick');
        await revocations.read();
        expect(isRevoked(revocations, 'quick')).toBe(true);
        expect(isRevoked(revocations, 'slow')).toBe(false);
      });
      time.advance(20_000);
      await revocations.read();
      expect(isRevoked(revocations, 'slow')).toBe(true);
    });
  }

  it.each([
    ['was suspended', undefined],
    ['could not reach its database', new Error('connection refused')],
  ])('sees a smaller id that committed while the node %s for longer than that', async (_, error) => {
    const revocations = node();
    await revocations.read();
    const { id } = (await revoke('taken and given back')) ?? { id: 0 };
    await database().run(clear, {});
    await revoke('larger');
    await revocations.read();
    const endedAt = clock.now();
    await database().run(insertWithId, { id, target: 'smaller', endedAt, expiresAt: addSeconds(endedAt, 960) });
    broken = error;
    for (let second = 0; second < 60; second += 1) {
      time.advance(1000);
      if (error !== undefined) await expect(revocations.read()).rejects.toThrow('connection refused');
    }
    broken = undefined;
    await revocations.read();
    expect(isRevoked(revocations, 'smaller')).toBe(true);
  });

  it('does not read ids again that are older than the overlap', async () => {
    const revocations = node();
    for (let n = 0; n < 5; n += 1) await revoke(`old ${n}`);
    await revocations.read();
    time.advance(30_000);
    await revocations.read();
    time.advance(30_000);
    const { watched, reads } = watchedNode();
    await watched.read();
    time.advance(30_000);
    const { id } = (await revoke('new')) ?? { id: 0 };
    await watched.read();
    expect(reads).toEqual([[1], [id]]);
  });

  it('reads nothing twice while no id is missing', async () => {
    const { watched, reads } = watchedNode();
    const { id: before } = (await revoke('settled')) ?? { id: 0 };
    time.advance(61_000);
    await watched.read();
    await revoke('first');
    await revoke('second');
    await watched.read();
    await watched.read();
    expect(reads).toEqual([[1], [before + 1], [before + 3]]);
  });

  it('reads only the missing ids again', async () => {
    const { watched, reads } = watchedNode();
    await revoke('settled');
    time.advance(61_000);
    await watched.read();
    const { id } = (await revoke('taken and given back')) ?? { id: 0 };
    await database().run(clear, {});
    await revoke('one');
    await revoke('another');
    await watched.read();
    await watched.read();
    expect(reads.at(-1)).toEqual([id, id + 3]);
    time.advance(30_000);
    await watched.read();
    await watched.read();
    expect(reads.at(-1)).toEqual([id + 3]);
  });

  it('reads all pages', async () => {
    const { watched, reads } = watchedNode();
    const endedAt = clock.now();
    const { id: first } = (await revoke('first')) ?? { id: 0 };
    await database().run(insertMany, { endedAt, expiresAt: addSeconds(endedAt, 960), times: 4500 });
    await watched.read();
    expect(reads).toEqual([[1], [1, first + 2000], [1, first + 4000]]);
    for (const n of [1, 2000, 4500]) expect(isRevoked(watched, `many ${n}`)).toBe(true);
  });

  it('waits 30 s for a smaller id, counted from the end of a slow read', async () => {
    const first = (await revoke('first')) ?? { id: 0 };
    await database().run(clear, {});
    await revoke('second');
    let readMs = 5_000;
    const rows: Database['rows'] = async (reads, values) => {
      const page = await database().rows(reads, values);
      time.advance(readMs);
      return page;
    };
    const slow = new Revocations({ database: { ...database(), rows }, clock, onError: () => undefined });
    await slow.read();
    readMs = 0;
    time.advance(26_000);
    await slow.read();
    const endedAt = clock.now();
    const expiresAt = addSeconds(endedAt, 960);
    await database().run(insertWithId, { id: first.id, target: 'late', endedAt, expiresAt });
    await slow.read();
    expect(isRevoked(slow, 'late')).toBe(true);
  });

  it('does not read settled ids again after its start, and still sees late commits', async () => {
    await revoke('settled');
    time.advance(61_000);
    const { id } = (await revoke('taken and given back')) ?? { id: 0 };
    await database().run(clear, {});
    const settled = clock.now();
    await database().run(insertWithId, {
      id: id - 1,
      target: 'settled',
      endedAt: addSeconds(settled, -61),
      expiresAt: addSeconds(settled, 900),
    });
    await revoke('recent');
    const { watched, reads } = watchedNode();
    await watched.read();
    await database().run(insertWithId, { id, target: 'late', endedAt: settled, expiresAt: addSeconds(settled, 960) });
    await watched.read();
    expect(reads).toEqual([[1], [id, id + 2]]);
    for (const target of ['settled', 'recent', 'late']) expect(isRevoked(watched, target)).toBe(true);
  });

  it('is trusted for a second after the start of the last read, by the monotonic clock', async () => {
    const revocations = node();
    await revocations.read();
    time.advance(999);
    clock.advance(3_600_000);
    expect(revocations.trusted()).toBe(true);
    expect(revocations.ageMs()).toBe(999);
    clock.advance(-7_200_000);
    expect(revocations.trusted()).toBe(true);
    time.advance(1);
    expect(revocations.trusted()).toBe(false);
  });

  it('counts the second from the start of a slow read, not from its response', async () => {
    const gate = Promise.withResolvers<void>();
    const rows: Database['rows'] = async (reads, values) => {
      const answer = await database().rows(reads, values);
      await gate.promise;
      return answer;
    };
    const revocations = new Revocations({ database: { ...database(), rows }, clock, onError: () => undefined });
    const reading = revocations.read();
    time.advance(1000);
    gate.resolve();
    await reading;
    expect(revocations.trusted()).toBe(false);
  });

  it('is distrusted a second after reads begin to fail, and trusted again after the next successful one', async () => {
    const errors: unknown[] = [];
    const revocations = node((error) => errors.push(error));
    await revocations.start();
    started.push(revocations);
    broken = new Error('the database is away');
    await eventually(() => errors.length > 1, { what: 'two reads have failed' });
    time.advance(1000);
    expect(revocations.trusted()).toBe(false);
    await revoke('meanwhile');
    broken = undefined;
    await eventually(() => revocations.trusted(), { what: 'the feed is believed again' });
    expect(isRevoked(revocations, 'meanwhile')).toBe(true);
    expect(errors[0]).toBe(errors[1]);
  });

  it('does not start when the first read fails', async () => {
    broken = new Error('the database is away');
    await expect(node().start()).rejects.toThrow('the database is away');
  });

  it('does not read after it is stopped', async () => {
    const revocations = node();
    await revocations.start();
    await revocations.stop();
    time.advance(1000);
    expect(revocations.trusted()).toBe(false);
  });

  it('learns of a revocation although its own wall clock is far ahead', async () => {
    const revocations = node();
    await revocations.read();
    await revoke('by a node whose clock is right');
    clock.advance(3_600_000);
    await revocations.read();
    time.advance(31_000);
    await revocations.read();
    expect(isRevoked(revocations, 'by a node whose clock is right')).toBe(true);
  });

  it('deletes expired rows only', async () => {
    await revoke('alive');
    await revoke('expired', database(), -1);
    const revocations = node();
    expect(await revocations.deleteExpired()).toBe(1);
    expect(await database().row(count, {})).toEqual({ left: 1 });
  });
});
