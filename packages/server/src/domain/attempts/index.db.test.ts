import { expect, it } from 'vitest';
import { statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { attemptKey, deleteUnknownAttempts, reserveAttemptFragment, resetFailedAttemptsFragment } from './index.ts';

const reserved = reserveAttemptFragment(`'password'`);
const reserve = statement('attempts_test.reserve', {
  lane: 'counter',
  sql: `with known as (select id from users where id = :userId::uuid), ${reserved.sql} select failures from reserved`,
  params: { userId: 'uuid', ...reserved.params },
  columns: { failures: 'int4' },
});
const reset = resetFailedAttemptsFragment('cause');
const resetOne = statement('attempts_test.reset', {
  lane: 'pool',
  sql: `with cause as (select 1 as one), ${reset.sql} select one from cause`,
  params: reset.params,
  columns: { one: 'int4' },
});
const insertUser = statement('attempts_test.insert_user', {
  lane: 'pool',
  sql: `insert into users (id, subject, created_at, updated_at) values (:id::uuid, (:id::uuid)::text, :now, :now)`,
  params: { id: 'uuid', now: 'timestamptz' },
  columns: {},
});
const now = new Date('2030-01-01T00:00:00Z');
const monthMs = 30 * 24 * 60 * 60 * 1000;
const unknownUserId = '00000000-0000-7000-8000-000000000000';

describeOnBothDatabases('attempts', (database) => {
  it('reserves five of twenty concurrent attempts, for a user and for an unknown identifier alike', async () => {
    const userId = '00000000-0000-7000-8000-000000000001';
    await database().run(insertUser, { id: userId, now });
    for (const id of [userId, unknownUserId]) {
      const unknownKey = Buffer.from('twenty at once');
      const rows = await Promise.all(
        Array.from({ length: 20 }, () => database().row(reserve, { userId: id, unknownKey, attemptedAt: now })),
      );
      const failures = rows.flatMap((row) => (row === undefined ? [] : [row.failures])).sort((a, b) => a - b);
      expect(failures).toEqual([1, 2, 3, 4, 5]);
    }
  });

  it("reserves the undelayed attempts although another node's clock is ahead, and stores the later time", async () => {
    const unknownKey = Buffer.from('two clocks');
    const at = (seconds: number) =>
      database().row(reserve, {
        userId: unknownUserId,
        unknownKey,
        attemptedAt: new Date(now.getTime() + seconds * 1000),
      });
    const undelayed = [await at(3), await at(0), await at(3), await at(0), await at(0)];
    expect(undelayed.map((row) => row?.failures)).toEqual([1, 2, 3, 4, 5]);
    expect(await at(3)).toBe(undefined);
    expect((await at(4))?.failures).toBe(6);
  });

  it('resets the attempts of one user only', async () => {
    const first = '00000000-0000-7000-8000-000000000002';
    const second = '00000000-0000-7000-8000-000000000003';
    for (const id of [first, second]) {
      await database().run(insertUser, { id, now });
      await database().row(reserve, { userId: id, unknownKey: Buffer.from('x'), attemptedAt: now });
    }
    await database().run(resetOne, { attemptKind: 'password', attemptKey: attemptKey(first) });
    const again = await Promise.all(
      [first, second].map((id) =>
        database().row(reserve, { userId: id, unknownKey: Buffer.from('x'), attemptedAt: now }),
      ),
    );
    expect(again.map((row) => row?.failures)).toEqual([1, 2]);
  });

  it('deletes counters of unknown identifiers after 30 days, and counters of users never', async () => {
    const userId = '00000000-0000-7000-8000-000000000004';
    await database().run(insertUser, { id: userId, now });
    await database().row(reserve, { userId, unknownKey: Buffer.from('x'), attemptedAt: now });
    await database().row(reserve, { userId: unknownUserId, unknownKey: Buffer.from('a month'), attemptedAt: now });
    await deleteUnknownAttempts(database(), new Date(now.getTime() + monthMs));
    const kept = await database().row(reserve, {
      userId: unknownUserId,
      unknownKey: Buffer.from('a month'),
      attemptedAt: now,
    });
    expect(kept?.failures).toBe(2);
    expect(await deleteUnknownAttempts(database(), new Date(now.getTime() + monthMs + 1))).toBeGreaterThan(0);
    const restarted = await database().row(reserve, {
      userId: unknownUserId,
      unknownKey: Buffer.from('a month'),
      attemptedAt: now,
    });
    expect(restarted?.failures).toBe(1);
    const user = await database().row(reserve, { userId, unknownKey: Buffer.from('x'), attemptedAt: now });
    expect(user?.failures).toBe(2);
  });
});
