/** Somebody to whom things happen: how they log in now, and what they log in with. */
import { createUser } from '#flows/admin-users/index.ts';
import { present } from '#kernel/assert.ts';
import { parseEmailAddress } from '#protocol/email-address/index.ts';
import type { Application, AppResponse, RequestOptions } from '../support/application.ts';
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

/** A person whose address, password and acting session change with what is done to them. */
export interface Somebody {
  readonly app: Application;
  readonly userId: string;
  readonly transport: Transport;
  email: string;
  password: string;
  /** What the acting session was given; undefined before the first login. */
  acting: Acting | undefined;
  /** The session that is tried, for the effect that must name one. */
  namedSessionId: string | undefined;
  /** The link that takes an address back, and the address. */
  held: { readonly token: string; readonly email: string } | undefined;
}

/** A session as its holder has it. */
export interface Acting {
  readonly credentials: RequestOptions;
  readonly refreshToken: string | undefined;
  readonly deviceToken: string;
}

/** A person with a proven address, whom an operator made. */
export async function addSomebody(app: Application, transport: Transport = 'token'): Promise<Somebody> {
  const email = uniqueEmail('somebody');
  const parsed = parseEmailAddress(email);
  if (parsed.kind !== 'ok') throw new Error(`${email} is no address`);
  const user = { email: parsed.address, name: 'Ada', locale: 'en', roles: [], password: validPassword };
  const made = await createUser(app.services, user);
  if (made.kind !== 'created') throw new Error(made.kind);
  const { userId } = made;
  const nothing = { acting: undefined, namedSessionId: undefined, held: undefined };
  return { app, userId, transport, email, password: validPassword, ...nothing };
}

/** A person who has registered, and pressed no link yet. */
export async function addUnverified(app: Application): Promise<Somebody> {
  const email = uniqueEmail('somebody');
  await register(app, email);
  const nothing = { acting: undefined, namedSessionId: undefined, held: undefined };
  return { app, userId: await userIdOf(app, email), transport: 'token', email, password: validPassword, ...nothing };
}

/** Logs in; a session by cookie when that is asked for. */
export function logIn(somebody: Somebody, more: Readonly<Record<string, unknown>> = {}): Promise<AppResponse<Tokens>> {
  return login(somebody.app, somebody.email, { password: somebody.password, ...more });
}

/** Begins the acting session, on the device it had before. */
export async function act(somebody: Somebody): Promise<void> {
  const { transport, acting } = somebody;
  somebody.acting = actingOf(await logIn(somebody, { transport, deviceToken: acting?.deviceToken }));
}

/** The session that an answer hands out. */
export function actingOf({ status, data, cookies }: AppResponse<Tokens>, before?: Acting): Acting {
  if (status !== 200) throw new Error(`there is no session: ${status}`);
  if (cookies.length === 0) {
    const { accessToken, refreshToken, deviceToken } = data;
    return { credentials: { token: accessToken }, refreshToken, deviceToken };
  }
  const device = cookies.map((cookie) => /^latchkey_device=([^;]+)/.exec(cookie)?.[1]).find((token) => token);
  const credentials = { cookie: cookieHeader(cookies), headers: sameOrigin };
  return { credentials, refreshToken: undefined, deviceToken: device ?? present(before?.deviceToken, 'a device') };
}

/** Asks for something with the acting session. */
export async function ask<T>(
  somebody: Somebody,
  method: string,
  path: string,
  json?: unknown,
): Promise<AppResponse<T>> {
  const { credentials } = present(somebody.acting, 'the acting session');
  const answer = await somebody.app.send<T>(method, path, json === undefined ? credentials : { ...credentials, json });
  return done(answer, `${method} ${path}`);
}

/** Sends something that needs no session. */
export async function tell<T>(somebody: Somebody, path: string, json: unknown): Promise<AppResponse<T>> {
  return done(await somebody.app.send<T>('POST', `/api/v1/auth/${path}`, { json }), path);
}

function done<T>(answer: AppResponse<T>, what: string): AppResponse<T> {
  if (answer.status >= 300) throw new Error(`${what} was refused: ${answer.code}`);
  return answer;
}

/** Changes the address by the acting session and the mailed link, which ends that session too. */
export async function moveTo(somebody: Somebody, newEmail: string): Promise<void> {
  await ask(somebody, 'POST', '/api/v1/users/me/email', { newEmail, currentPassword: somebody.password });
  await tell(somebody, 'confirm-email-change', { token: await link(somebody, 'confirm_email_change') });
  somebody.email = newEmail;
}

/** The newest link of a kind that was mailed to somebody. */
export function link(somebody: Somebody, purpose: Parameters<typeof storedLinkToken>[2]): Promise<string> {
  return storedLinkToken(somebody.app, somebody.userId, purpose);
}

/** Closes the account by the acting session. */
export async function close(somebody: Somebody): Promise<void> {
  await ask(somebody, 'DELETE', '/api/v1/users/me', { currentPassword: somebody.password });
}
