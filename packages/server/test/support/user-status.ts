/** Lookups and status changes of users, through the `users` module. */
import type { UserStatus } from '#domain/users/index.ts';
import { present } from '#kernel/assert.ts';
import { statement } from '#platform/database/index.ts';
import type { Application } from './application.ts';

const findUser = statement('test_application.find_user', {
  lane: 'pool',
  sql: `select user_id from identifiers where canonical = :email`,
  params: { email: 'text' },
  columns: { userId: 'uuid' },
});

/** The id of the user with this address. */
export async function userIdOf(app: Application, email: string): Promise<string> {
  const row = await app.services.database.row(findUser, { email: email.toLowerCase() });
  return present(row, `the user of ${email}`).userId;
}

export async function setStatus(
  app: Application,
  email: string,
  status: Exclude<UserStatus, 'pending_deletion'>,
): Promise<void> {
  const { database, users } = app.services;
  const userId = await userIdOf(app, email);
  await database.transaction((tx) => users.changeStatus(tx, userId, status));
}
