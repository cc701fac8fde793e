import { beforeAll, describe, expect, it } from 'vitest';
import { attemptKey, resetFailedAttempts } from '#domain/attempts/index.ts';
import { statement } from '#platform/database/index.ts';
import { Application, type AppResponse } from '#test/support/application.ts';
import { addVerifiedUser, login } from '#test/support/user-actions.ts';
import { userIdOf } from '#test/support/user-status.ts';
import { eventually } from '#test/support/wait.ts';

const countWaiting = statement('beside_effects_test.count_waiting', {
  lane: 'pool',
  sql: `select count(*)::integer as waiting from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`,
  params: {},
  columns: { waiting: 'int4?' },
});
const takeCounter = statement('beside_effects_test.take_counter', {
  lane: 'pool',
  sql: `select failures from attempt_counters where kind = 'password' and key = :key for update nowait`,
  params: { key: 'bytea' },
  columns: { failures: 'int4' },
});

let app: Application;

beforeAll(async () => {
  app = await Application.open();
  return () => app.close();
});

describe('a login concurrent with an effect that has locked the user', () => {
  it('locks nothing that the effect locks later, which would deadlock', async () => {
    const { database, users } = app.services;
    const email = await addVerifiedUser(app);
    const userId = await userIdOf(app, email);
    const isWaiting = async () => (await database.row(countWaiting, {}))?.waiting === 1;
    let response: Promise<AppResponse> | undefined;
    await database.transaction(async (tx) => {
      await users.lock(tx, userId);
      response = login(app, email);
      await eventually(isWaiting, { what: 'the login waits for its user' });
      expect(await tx.row(takeCounter, { key: attemptKey(userId) })).toEqual({ failures: 1 });
      await resetFailedAttempts(tx, userId, 'password');
    });
    expect((await response)?.status).toBe(200);
  });

  it('is rejected when the effect raised the epoch', async () => {
    const { database, users } = app.services;
    const email = await addVerifiedUser(app);
    const userId = await userIdOf(app, email);
    const isWaiting = async () => (await database.row(countWaiting, {}))?.waiting === 1;
    let response: Promise<AppResponse> | undefined;
    await database.transaction(async (tx) => {
      await users.lock(tx, userId);
      response = login(app, email);
      await eventually(isWaiting, { what: 'the login waits for its user' });
      await users.raiseEpoch(tx, userId);
    });
    expect((await response)?.code).toBe('invalid_credentials');
  });
});
