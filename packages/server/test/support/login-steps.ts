/** The steps of a login whose user must set a second factor up, or set a new password. */
import { createUser, grantRole } from '#flows/admin-users/index.ts';
import { makeSetupLink } from '#flows/set-up-owner/index.ts';
import { statement } from '#platform/database/index.ts';
import type { Application, AppResponse } from './application.ts';
import { addActiveUser } from './daily-traffic.ts';
import { mustChangePasswordOf } from './must-change.ts';
import { operator } from './operator.ts';
import { codeNow } from './second-factors.ts';
import { storedLinkToken } from './stored-links.ts';
import { login, type Tokens, uniqueEmail } from './user-actions.ts';
import { userIdOf } from './user-status.ts';

const requireTwo = statement('test_login_steps.require_two_factors', {
  lane: 'pool',
  sql: 'update users set mfa_enabled = true where id = :userId',
  params: { userId: 'uuid' },
  columns: {},
});

/** Two factors are on for a user who has none, as a role turns them on; the epoch stays. */
export async function requireTwoFactors({ services }: Pick<Application, 'services'>, userId: string): Promise<void> {
  await services.database.run(requireTwo, { userId });
}

/** The password must be changed at the next login; the epoch stays. */
export async function mustChangePassword({ services }: Pick<Application, 'services'>, userId: string): Promise<void> {
  await mustChangePasswordOf(services.database, userId);
}

/** A user of whom a login requires two factors, and who has none. */
export interface UserWithRole {
  readonly email: string;
  readonly userId: string;
}

/** A user with a role, whose next login sets a second factor up. */
export async function addUserWithRole(app: Application): Promise<UserWithRole> {
  const email = await addActiveUser(app);
  const userId = await userIdOf(app, email);
  await grantRole(app.services, operator, userId, 'owner');
  return { email, userId };
}

/** The response of a login or of its step. */
export type StepResponse = Tokens & {
  readonly factors?: readonly string[];
  readonly recoveryCodes?: readonly string[];
};

const post = <T>(app: Application, step: string, json: object) =>
  app.send<T>('POST', `/api/v1/auth/login/${step}`, { json });

/** The ticket of a login by password; throws when the login needs another step. */
export async function ticketFor(app: Application, email: string, step: string): Promise<string> {
  const { data, code } = await login(app, email);
  if (data?.step !== step || data.ticket === undefined) throw new Error(`not "${step}" but ${code ?? data.step}`);
  return data.ticket;
}

/** Requests the code that proves the mailbox, and returns it. */
export async function requestCodeFor(app: Application, ticket: string, userId: string): Promise<string> {
  const { status, code } = await post(app, 'confirm-mailbox', { ticket });
  if (status !== 202) throw new Error(`no code was sent: ${code}`);
  return storedLinkToken(app, userId, 'mailbox_code');
}

/** Proves the mailbox of a login. */
export function verifyMailbox(
  app: Application,
  ticket: string,
  code: string,
  more: object = {},
): Promise<AppResponse<StepResponse>> {
  return post<StepResponse>(app, 'confirm-mailbox/verify', { ticket, code, ...more });
}

/** The ticket of a login that has proven password and mailbox. */
export async function enrollmentTicket(app: Application, { email, userId }: UserWithRole): Promise<string> {
  const ticket = await ticketFor(app, email, 'confirm_mailbox');
  const { data, code } = await verifyMailbox(app, ticket, await requestCodeFor(app, ticket, userId));
  if (data?.ticket === undefined) throw new Error(`the mailbox was not proven: ${code}`);
  return data.ticket;
}

/** Begins the enrolment of a login; returns the secret in base 32. */
export async function beginEnrollment(app: Application, ticket: string): Promise<string> {
  const { status, data, code } = await post<{ secret: string }>(app, 'enroll', { ticket, kind: 'totp' });
  if (status !== 200) throw new Error(`the enrolment was rejected: ${code}`);
  return data.secret;
}

/** Confirms the enrolment of a login. */
export function confirmEnrollment(
  app: Application,
  ticket: string,
  code: string,
  more: object = {},
): Promise<AppResponse<StepResponse>> {
  return post<StepResponse>(app, 'enroll/confirm', { ticket, code, ...more });
}

/** Sets the new password that a login needs. */
export function changePasswordAtLogin(
  app: Application,
  ticket: string,
  password: string,
  more: object = {},
): Promise<AppResponse<StepResponse>> {
  return post<StepResponse>(app, 'change-password', { ticket, password, ...more });
}

/** A user with a role and an authenticator app, and the session of the login that set it up. */
export async function addOwner(app: Application): Promise<UserWithRole & StepResponse & { readonly secret: string }> {
  const user = await addUserWithRole(app);
  const ticket = await enrollmentTicket(app, user);
  const secret = await beginEnrollment(app, ticket);
  const { data, code } = await confirmEnrollment(app, ticket, codeNow(app, secret));
  if (data?.accessToken === undefined) throw new Error(`the login was not completed: ${code}`);
  return { ...data, ...user, secret };
}

/** The link of a new owner, as `latchkey admin create` makes it. */
export async function addSetupLink(app: Application): Promise<UserWithRole & { readonly token: string }> {
  const email = uniqueEmail('owner');
  const user = { email: { asTyped: email, canonical: email }, name: '', locale: 'en', roles: [], password: undefined };
  const created = await createUser(app.services, operator, user);
  const userId = created.kind === 'created' ? created.userId : created.holderId;
  const link = await makeSetupLink(app.services, operator, userId);
  if (link.kind !== 'made') throw new Error(`no link was made: ${link.reason}`);
  return { email, userId, token: link.token };
}
