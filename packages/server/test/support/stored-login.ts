/** What the database holds of somebody's logins, for tests that look behind the answers. */
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

const findEnds = statement('test_application.find_ends', {
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

/** Failed passwords in a row of whoever has the address, strangers' and those from known devices. */
export async function failedAttemptsOf(app: Application, email: string): Promise<number> {
  const key = attemptKey(await userIdOf(app, email));
  return (await app.services.database.row(findFailures, { key }))?.failures ?? 0;
}

/** The same for an address that nobody has. */
export async function failedAttemptsOfUnknown(app: Application, email: string): Promise<number> {
  const key = app.services.keys.mac('lookup', email);
  return (await app.services.database.row(findFailures, { key }))?.failures ?? 0;
}

/** The PHC string under the seal. */
export async function storedHash(app: Application, email: string): Promise<string> {
  const userId = await userIdOf(app, email);
  const row = present(await app.services.database.row(findPassword, { userId }), 'the password');
  return app.services.keys.open('password', row.sealedPhc, passwordAssociatedData(userId)).toString('utf8');
}

/** Why each session of the address's user ended, the oldest first; null for those that live. */
export async function sessionEndReasons(app: Application, email: string): Promise<(string | null)[]> {
  const rows = await app.services.database.rows(findEnds, { email });
  return rows.map(({ endReason }) => endReason);
}

/** What the audit log says of the address's user, the oldest first. */
export async function auditActionsOf(app: Application, email: string): Promise<string[]> {
  const rows = await app.services.database.rows(findActions, { email });
  return rows.map(({ action }) => action);
}

/** Calls `look` before each hash of the application is computed; answers how to stop looking. */
export function beforeEachHash(app: Application, look: () => Promise<void> | void): () => void {
  const queue = app.services.hashQueue;
  const run = queue.run.bind(queue);
  queue.run = async (task) => {
    await look();
    return run(task);
  };
  return () => {
    queue.run = run;
  };
}
