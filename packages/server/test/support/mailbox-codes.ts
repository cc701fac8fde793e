/** Users without a password, who prove their mailbox by a code. */
import { statement } from '#platform/database/index.ts';
import type { Application, AppResponse } from './application.ts';
import { addActiveUser } from './daily-traffic.ts';
import { storedLinkToken } from './stored-links.ts';
import { login, type Tokens } from './user-actions.ts';
import { userIdOf } from './user-status.ts';

const deletePassword = statement('test_mailbox_codes.delete_password', {
  lane: 'pool',
  sql: 'delete from passwords where user_id = :userId',
  params: { userId: 'uuid' },
  columns: {},
});

/** A user with a session and without a password, as an operator creates one who then logs in by mail. */
export async function addUserWithoutPassword(app: Application): Promise<Tokens & { readonly email: string }> {
  const email = await addActiveUser(app);
  const { data } = await login(app, email);
  await app.services.database.run(deletePassword, { userId: data.userId });
  return { ...data, email };
}

/** Requests a code for the step-up of a session. */
export function requestMailboxCode(app: Application, token: string): Promise<AppResponse> {
  return app.send('POST', '/api/v1/auth/step-up/email-code', { token });
}

/** The user's newest code, computed from its row. */
export async function newestMailboxCode(app: Application, email: string): Promise<string> {
  return storedLinkToken(app, await userIdOf(app, email), 'mailbox_code');
}

/** Steps a session up by a mailed code. */
export function proveMailbox(app: Application, token: string, emailCode: string): Promise<AppResponse<Tokens>> {
  return app.send<Tokens>('POST', '/api/v1/auth/step-up', { token, json: { emailCode } });
}
