/** The user on whom an effect is performed, with the state that effects change. */
import { createUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import type { Application, AppResponse, RequestOptions } from '../support/application.ts';
import { operator } from '../support/operator.ts';
import { beginTotp, confirmTotp, proveSecondFactor } from '../support/second-factors.ts';
import { storedLinkToken } from '../support/stored-links.ts';
import {
  cookieHeader,
  login,
  register,
  sameOrigin,
  type Tokens,
  uniqueEmail,
  validPassword,
} from '../support/user-actions.ts';
import { userIdOf } from '../support/user-status.ts';

export type Transport = 'token' | 'cookie';

/** A user whose address, password and acting session change with the effects. */
export interface ActingUser {
  readonly app: Application;
  readonly userId: string;
  readonly transport: Transport;
  email: string;
  password: string;
  /** The session that performs the effect; undefined before the first login. */
  acting: HeldSession | undefined;
  /** The session that the effect `end_session` names. */
  namedSessionId: string | undefined;
  /** The passkey that the effect `remove_passkey` names. */
  namedPasskeyId?: string;
  /** The identity that the effect `unlink_identity` names. */
  namedIdentityId?: string;
  /** The link that undoes a change of address, and the previous address. */
  undo: { readonly token: string; readonly email: string } | undefined;
  /** The secret of an authenticator app, once an enrolment has begun. */
  totpSecret?: string;
  /** Unused recovery codes: a login of a user with two factors takes one, because a code of the app is used once. */
  recoveryCodes?: string[];
}

/** A session as its holder has it. */
export interface HeldSession {
  readonly credentials: RequestOptions;
  readonly refreshToken: string | undefined;
  readonly deviceToken: string;
}

/** A user with a verified address, created through the admin flow. */
export async function addActingUser(app: Application, transport: Transport = 'token'): Promise<ActingUser> {
  const email = uniqueEmail('acting');
  const parsed = parseEmailAddress(email);
  if (parsed.kind !== 'ok') throw new Error(`${email} is not an address`);
  const user = { email: parsed.address, name: 'Ada', locale: 'en', roles: [], password: validPassword };
  const created = await createUser(app.services, operator, user);
  if (created.kind !== 'created') throw new Error(created.kind);
  const { userId } = created;
  const noSession = { acting: undefined, namedSessionId: undefined, undo: undefined };
  return { app, userId, transport, email, password: validPassword, ...noSession };
}

/** A registered user without a verified address. */
export async function addUnverifiedUser(app: Application): Promise<ActingUser> {
  const email = uniqueEmail('acting');
  await register(app, email);
  const noSession = { acting: undefined, namedSessionId: undefined, undo: undefined };
  return { app, userId: await userIdOf(app, email), transport: 'token', email, password: validPassword, ...noSession };
}

export async function logIn(
  user: ActingUser,
  more: Readonly<Record<string, unknown>> = {},
): Promise<AppResponse<Tokens>> {
  const first = await login(user.app, user.email, { password: user.password, ...more });
  if (first.data?.step !== 'second_factor') return first;
  const recoveryCode = present(user.recoveryCodes?.pop(), 'an unused recovery code');
  const { deviceToken } = more as { readonly deviceToken?: string };
  return proveSecondFactor(user.app, first.data.ticket, { recoveryCode, ...(deviceToken && { deviceToken }) });
}

/** Turns two-step sign-in on; the acting session goes on. */
export async function withTotp(user: ActingUser): Promise<void> {
  const acting = present(user.acting, 'the acting session');
  const secret = await beginTotp(user.app, acting.credentials);
  const confirmed = await confirmTotp(user.app, acting.credentials, secret);
  user.acting = sessionOf(confirmed, acting);
  user.totpSecret = secret;
  user.recoveryCodes = [...(confirmed.data.recoveryCodes ?? user.recoveryCodes ?? [])];
}

/** Starts the acting session, on the device that it had before. */
export async function startSession(user: ActingUser): Promise<void> {
  const { transport, acting } = user;
  user.acting = sessionOf(await logIn(user, { transport, deviceToken: acting?.deviceToken }));
}

/** The session that a response issues. */
export function sessionOf({ status, data, cookies }: AppResponse<Tokens>, before?: HeldSession): HeldSession {
  if (status >= 300) throw new Error(`no session was issued: ${status}`);
  if (cookies.length === 0) {
    const { accessToken, refreshToken, deviceToken } = data;
    return { credentials: { token: accessToken }, refreshToken, deviceToken };
  }
  const device = cookies.map((cookie) => /^latchkey_device=([^;]+)/.exec(cookie)?.[1]).find((token) => token);
  const credentials = { cookie: cookieHeader(cookies), headers: sameOrigin };
  return { credentials, refreshToken: undefined, deviceToken: device ?? present(before?.deviceToken, 'a device') };
}

/** Sends a request with the acting session. */
export async function request<T>(
  user: ActingUser,
  method: string,
  path: string,
  json?: unknown,
): Promise<AppResponse<T>> {
  const { credentials } = present(user.acting, 'the acting session');
  const response = await user.app.send<T>(method, path, json === undefined ? credentials : { ...credentials, json });
  return requireSuccess(response, `${method} ${path}`);
}

/** Sends a request without a session. */
export async function submit<T>(user: ActingUser, path: string, json: unknown): Promise<AppResponse<T>> {
  return requireSuccess(await user.app.send<T>('POST', `/api/v1/auth/${path}`, { json }), path);
}

function requireSuccess<T>(response: AppResponse<T>, what: string): AppResponse<T> {
  if (response.status >= 300) throw new Error(`${what} was rejected: ${response.code}`);
  return response;
}

/** Changes the address through the mailed link, which also revokes the acting session. */
export async function changeEmailTo(user: ActingUser, newEmail: string): Promise<void> {
  await request(user, 'POST', '/api/v1/users/me/email', { newEmail, currentPassword: user.password });
  await submit(user, 'confirm-email-change', { token: await linkToken(user, 'confirm_email_change') });
  user.email = newEmail;
}

/** The token of the newest link mailed to the user. */
export function linkToken(user: ActingUser, purpose: Parameters<typeof storedLinkToken>[2]): Promise<string> {
  return storedLinkToken(user.app, user.userId, purpose);
}

export async function deleteAccount(user: ActingUser): Promise<void> {
  await request(user, 'DELETE', '/api/v1/users/me', { currentPassword: user.password });
}
