import { afterEach, beforeEach, expect, it } from 'vitest';
import { addSeconds, FixedClock } from '#kernel/clock.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { Revocations } from './index.ts';

const insertRevocation = statement('other_database_test.insert', {
  lane: 'pool',
  sql: `insert into revocations (kind, target, ended_at, expires_at)
    values ('session', :target, :endedAt, :expiresAt) returning target`,
  params: { target: 'text', endedAt: 'timestamptz', expiresAt: 'timestamptz' },
  columns: { target: 'text' },
  after: { revokes: { kind: 'session', target: 'target' } },
});
const setSequence = statement('other_database_test.set_sequence', {
  lane: 'pool',
  sql: `select setval('revocations_id_seq', :id::int8)`,
  params: { id: 'int8' },
  columns: {},
});
const setIncarnation = statement('other_database_test.set_incarnation', {
  lane: 'pool',
  sql: 'update deployment set incarnation = gen_random_uuid()',
  params: {},
  columns: {},
});
const truncate = statement('other_database_test.truncate', {
  lane: 'pool',
  sql: 'truncate revocations',
  params: {},
  columns: {},
});
const clear = statement('other_database_test.clear', {
  lane: 'pool',
  sql: `delete from revocations`,
  params: {},
  columns: {},
});

describeOnBothDatabases('the revocation feed after a restore or a failover', (database) => {
  let clock: FixedClock;

  beforeEach(() => {
    clock = new FixedClock(new Date('2026-03-01T12:00:00.000Z'));
  });

  afterEach(async () => {
    await database().run(clear, {});
  });

  function node(onOtherDatabase: () => void = () => undefined): Revocations {
    return new Revocations({ database: database(), clock, onError: () => undefined, onOtherDatabase });
  }

  async function revoke(target: string): Promise<void> {
    const endedAt = clock.now();
    await database().row(insertRevocation, { target, endedAt, expiresAt: addSeconds(endedAt, 960) });
  }

  const isRevoked = (revocations: Revocations, sessionId: string) =>
    revocations.isRevoked({ sessionId, userId: 'u', authEpoch: 1, kid: undefined });

  it('forgets what it read, and sees revocations with ids that it had read before', async () => {
    for (let n = 0; n < 5; n += 1) await revoke(`before ${n}`);
    let restored = 0;
    const revocations = node(() => {
      restored += 1;
    });
    await revocations.read();
    const { generation } = revocations;
    await database().run(clear, {});
    await database().run(setSequence, { id: 1 });
    await revoke('with a small id');
    await revocations.read();
    expect([isRevoked(revocations, 'with a small id'), revocations.trusted(), restored]).toEqual([true, true, 1]);
    expect(revocations.generation).not.toBe(generation);
    await revoke('the next one');
    await revocations.read();
    expect([isRevoked(revocations, 'the next one'), restored]).toEqual([true, 1]);
  });

  it('notices a new incarnation when the ids are ahead of those that it has read', async () => {
    const revocations = node();
    await revocations.read();
    const { generation } = revocations;
    await database().run(setIncarnation, {});
    await revocations.read();
    expect(revocations.generation).toBe(generation + 1);
  });

  it('notices that the table was replaced, as a restored dump does', async () => {
    const revocations = node();
    await revoke('lost');
    await revocations.read();
    const { generation } = revocations;
    await database().run(truncate, {});
    await revocations.read();
    expect(revocations.generation).toBe(generation + 1);
  });

  it('rejects revoked sessions still, and no user by the epoch of before', async () => {
    const revocations = node();
    await revocations.read();
    revocations.publish({ kind: 'session', target: 'ended', epoch: null });
    revocations.publish({ kind: 'user', target: 'u', epoch: 7 });
    expect(isRevoked(revocations, 'of u')).toBe(true);
    await database().run(setIncarnation, {});
    await revocations.read();
    expect([isRevoked(revocations, 'ended'), isRevoked(revocations, 'of u')]).toEqual([true, false]);
  });

  it('does not mistake a sequence that runs ahead, or deleted rows, for a restore', async () => {
    const revocations = node();
    await revoke('one');
    await revocations.read();
    const { generation } = revocations;
    await database().run(clear, {});
    await database().run(setSequence, { id: 1_000_000 });
    await revocations.read();
    await revoke('after a gap');
    await revocations.read();
    expect([revocations.generation, isRevoked(revocations, 'after a gap')]).toEqual([generation, true]);
  });

  it('is not trusted while the server is read-only, and replaces its connections', async () => {
    let reconnects = 0;
    const rows: Database['rows'] = async (reads, values) => {
      const page = await database().rows(reads, values);
      return page.map((row) => ({ ...row, readOnly: true }));
    };
    const reconnect = () => {
      reconnects += 1;
    };
    const demoted = new Revocations({
      database: { ...database(), rows, reconnect },
      clock,
      onError: () => undefined,
    });
    await expect(demoted.read()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(demoted.read()).rejects.toMatchObject({ code: 'unavailable' });
    expect([demoted.trusted(), reconnects]).toEqual([false, 1]);
  });
});
