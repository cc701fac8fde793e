import { describe, expect, it } from 'vitest';
import { Problem } from '#kernel/problem.ts';
import { type Database, statement } from '#platform/database/index.ts';
import { describeOnBothDatabases } from '#test/support/databases.ts';
import { attemptKey, UnfinishedAttempts } from './index.ts';

const setFailures = statement('unfinished_test.set_failures', {
  lane: 'pool',
  sql: `insert into attempt_counters (kind, key, known, failures, last_failed_at)
    values ('password', :key, true, :failures, :now)`,
  params: { key: 'bytea', failures: 'int4', now: 'timestamptz' },
  columns: {},
});
const readFailures = statement('unfinished_test.read_failures', {
  lane: 'pool',
  sql: `select failures from attempt_counters where kind = 'password' and key = :key`,
  params: { key: 'bytea' },
  columns: { failures: 'int4' },
});

const failing = (error: Error) => () => Promise.reject(error);

describeOnBothDatabases('an attempt with the right secret', (database) => {
  let users = 0;

  async function userWith(failures: number): Promise<{ readonly kind: 'password'; readonly userId: string }> {
    users += 1;
    const userId = `00000000-0000-7000-8000-${String(users).padStart(12, '0')}`;
    await database().run(setFailures, { key: attemptKey(userId), failures, now: new Date('2030-01-01T00:00:00Z') });
    return { kind: 'password', userId };
  }

  const failuresOf = async ({ userId }: { readonly userId: string }) =>
    (await database().row(readFailures, { key: attemptKey(userId) }))?.failures;
  it.each([
    ['a lost connection', new Error('the connection ended')],
    ['an unavailable database', new Problem('unavailable')],
    ['an unknown outcome', new Problem('outcome_unknown')],
  ])('is given back after %s', async (_, error) => {
    const attempts = new UnfinishedAttempts({ database: database() });
    const user = await userWith(7);
    await expect(attempts.finish(user, failing(error))).rejects.toBe(error);
    await expect(attempts.finish(user, failing(error))).rejects.toBe(error);
    await Promise.all([attempts.giveBack(), attempts.giveBack()]);
    expect(await failuresOf(user)).toBe(5);
  });

  it('remains counted when its effect was refused, and is not given back when it succeeded', async () => {
    const attempts = new UnfinishedAttempts({ database: database() });
    const user = await userWith(7);
    const refusal = new Problem('account_disabled');
    await expect(attempts.finish(user, failing(refusal))).rejects.toBe(refusal);
    expect(await attempts.finish(user, async () => 'a session')).toBe('a session');
    await attempts.giveBack();
    expect(await failuresOf(user)).toBe(7);
  });

  it('is given back once the database is available again, and never below zero', async () => {
    let isAway = true;
    const flaky: Pick<Database, 'run'> = {
      run: (...parameters) => (isAway ? Promise.reject(new Problem('unavailable')) : database().run(...parameters)),
    };
    const attempts = new UnfinishedAttempts({ database: flaky });
    const [one, two] = [await userWith(1), await userWith(3)];
    for (const user of [one, one, two])
      await expect(attempts.finish(user, failing(new Error('away')))).rejects.toThrow('away');
    await expect(attempts.giveBack()).rejects.toThrow('unavailable');
    isAway = false;
    await attempts.giveBack();
    await attempts.giveBack();
    expect([await failuresOf(one), await failuresOf(two)]).toEqual([0, 2]);
  });
});

describe('during an outage of the database', () => {
  async function failedByUsers(users: number) {
    const outage = { hasEnded: false, statements: 0 };
    const run = async () => {
      outage.statements += 1;
      if (!outage.hasEnded) throw new Problem('unavailable');
      return 1;
    };
    const attempts = new UnfinishedAttempts({ database: { run } });
    const fail = (user: number) =>
      attempts.finish({ kind: 'password', userId: `user ${user}` }, failing(new Error('away')));
    await Promise.allSettled(Array.from({ length: users }, (_, user) => fail(user)));
    return { attempts, fail, outage };
  }

  it('an attempt tries to be given back by one statement, however many wait', async () => {
    const { fail, outage } = await failedByUsers(1000);
    expect(outage.statements).toBe(1000);
    await expect(fail(0)).rejects.toThrow('away');
    expect(outage.statements).toBe(1001);
  });

  it('the attempts of a thousand users at most wait to be given back', async () => {
    const { attempts, outage } = await failedByUsers(1001);
    await expect(attempts.giveBack()).rejects.toThrow('unavailable');
    Object.assign(outage, { hasEnded: true, statements: 0 });
    await Promise.all([attempts.giveBack(), attempts.giveBack()]);
    expect(outage.statements).toBe(1000);
  });
});
