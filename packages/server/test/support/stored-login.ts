/** Stored state of a user's logins, for tests that check more than the responses. */
import { attemptKey } from '#domain/attempts/index.ts';
import { passwordAssociatedData } from '#domain/passwords/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { Application } from './application.ts';
import { userIdOf } from './user-status.ts';

const findFailures = statement('test_application.find_failures', {
  lane: 'pool',
  sql: `select coalesce(sum(failures), 0)::int4 as failures from attempt_counters
    where kind in ('password', 'password_known_device') and key = :key`,
  params: { key: 'bytea' },
  columns: { failures: 'int4' },
});

const findPassword = statement('test_application.find_password', {
  lane: 'pool',
  sql: `select sealed_phc from passwords where user_id = :userId`,
  params: { userId: 'uuid' },
  columns: { sealedPhc: 'bytea' },
});

const replacePassword = statement('test_application.replace_password', {
  lane: 'pool',
  sql: `update passwords set sealed_phc = :sealedPhc where user_id = :userId returning user_id`,
  params: { userId: 'uuid', sealedPhc: 'bytea' },
  columns: { userId: 'uuid' },
});

const findEndReasons = statement('test_application.find_end_reasons', {
  lane: 'pool',
  sql: `select s.id, s.end_reason from sessions s join identifiers i on i.user_id = s.user_id
    where i.canonical = :email order by s.created_at, s.id`,
  params: { email: 'text' },
  columns: { id: 'uuid', endReason: 'text?' },
});

const findActions = statement('test_application.find_actions', {
  lane: 'pool',
  sql: `select a.action from audit_events a join identifiers i on i.user_id = a.user_id
    where i.canonical = :email order by a.at, a.id`,
  params: { email: 'text' },
  columns: { action: 'text' },
});

/** Consecutive failed passwords of the user with this address, from known and unknown devices. */
export async function failedAttemptsOf(app: Application, email: string): Promise<number> {
  const key = attemptKey(await userIdOf(app, email));
  return (await app.services.database.row(findFailures, { key }))?.failures ?? 0;
}

/** Consecutive failed passwords for an address without a user. */
export async function failedAttemptsOfUnknown(app: Application, email: string): Promise<number> {
  const key = app.services.keys.mac('lookup', email);
  return (await app.services.database.row(findFailures, { key }))?.failures ?? 0;
}

/** The decrypted PHC string. */
export async function storedHash(app: Application, email: string): Promise<string> {
  const userId = await userIdOf(app, email);
  const row = present(await app.services.database.row(findPassword, { userId }), 'the password');
  return app.services.keys.open('password', row.sealedPhc, passwordAssociatedData(userId)).toString('utf8');
}

/** Replaces the stored hash of the user's password by another text, as an import would. */
export async function replaceStoredHash(app: Application, email: string, text: string): Promise<void> {
  const { database, keys } = app.services;
  const userId = await userIdOf(app, email);
  const sealedPhc = keys.seal('password', text, passwordAssociatedData(userId));
  present(await database.row(replacePassword, { userId, sealedPhc }), 'the password');
}

/** The end reason of each session of the user, oldest first; null for active sessions. */
export async function sessionEndReasons(app: Application, email: string): Promise<(string | null)[]> {
  const rows = await app.services.database.rows(findEndReasons, { email });
  return rows.map(({ endReason }) => endReason);
}

/** The actions of the user's audit events, oldest first. */
export async function auditActionsOf(app: Application, email: string): Promise<string[]> {
  const rows = await app.services.database.rows(findActions, { email });
  return rows.map(({ action }) => action);
}

/** Calls `listener` before the application computes each hash; returns a function that stops this. */
export function beforeEachHash(app: Application, listener: () => Promise<void> | void): () => void {
  const queue = app.services.hashQueue;
  const run = queue.run.bind(queue);
  queue.run = async (task) => {
    await listener();
    return run(task);
  };
  return () => {
    queue.run = run;
  };
}
