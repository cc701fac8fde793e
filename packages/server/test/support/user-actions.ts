/** User actions through the API: register, verify, log in. */
import type { MailTemplate } from '#domain/mail-ledger/index.ts';
import { statement } from '#platform/database/index.ts';
import type { InboxMessage } from '#platform/mail/index.ts';
import type { Application, AppResponse } from './application.ts';
import { storedLinkToken } from './stored-links.ts';
import { userIdOf } from './user-status.ts';
import { eventually } from './wait.ts';

/** A password that every profile accepts. */
export const validPassword = 'correct horse battery';

/** The response to a login for the token transport. */
export interface Tokens {
  readonly userId: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly deviceToken: string;
  readonly expiresIn: number;
  /** Set only when the login requires a further step; then the other members are absent. */
  readonly step?: string;
  readonly ticket?: string;
}

const findMails = statement('test_application.find_mails', {
  lane: 'pool',
  sql: `select m.template, m.message_id from mail_ledger m join identifiers i on i.id = m.identifier_id
    where i.canonical = :email order by m.id`,
  params: { email: 'text' },
  columns: { template: 'text', messageId: 'text' },
});

let emailCount = 0;

/** A new email address on every call. */
export function uniqueEmail(name = 'person'): string {
  emailCount += 1;
  return `${name}.${emailCount}@people.example`;
}

export function register(
  app: Application,
  email: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<AppResponse> {
  const json = { email, password: validPassword, name: 'Ada Lovelace', ...more };
  return app.send('POST', '/api/v1/auth/register', { json });
}

/** The templates of the mails enqueued for an address, in order. A mail that is not listed is never sent. */
export async function mailsTo(app: Application, email: string): Promise<MailTemplate[]> {
  const rows = await app.services.database.rows(findMails, { email: email.toLowerCase() });
  return rows.map(({ template }) => template as MailTemplate);
}

/**
 * Waits for the first `count` messages enqueued for an address and returns them in the order of enqueueing: workers
 * send several at once, so the inbox has them in any order.
 */
export function messagesTo(app: Application, email: string, count: number): Promise<readonly InboxMessage[]> {
  const findMessages = async () => {
    const enqueued = await app.services.database.rows(findMails, { email: email.toLowerCase() });
    const received = new Map(app.inbox.list().map((message) => [message.messageId, message]));
    const messages = enqueued.slice(0, count).map(({ messageId }) => received.get(messageId));
    const all = messages.filter((message) => message !== undefined);
    return all.length === count ? all : undefined;
  };
  return eventually(findMessages, { what: `${email} has ${count} messages` });
}

/**
 * The token of the link in message `number` to an address; the first is 1.
 * Call it before another link is consumed: a mail whose link was revoked is not sent.
 */
export async function mailedToken(app: Application, email: string, number = 1): Promise<string> {
  const messages = await messagesTo(app, email, number);
  const link = new URL(messages[number - 1]?.links[0] ?? '');
  return link.searchParams.get('token') ?? '';
}

/** The token of the newest mailed link to a page; the address need not belong to a user. */
export async function newestMailedToken(app: Application, email: string, path: string): Promise<string> {
  const findLink = async () => {
    const messages = app.inbox.list().filter(({ to }) => to === email.toLowerCase());
    return messages
      .flatMap(({ links }) => links.map((link) => new URL(link)))
      .find(({ pathname }) => pathname === path);
  };
  const link = await eventually(findLink, { what: `${email} has a link to ${path}` });
  return link.searchParams.get('token') ?? '';
}

export function verifyEmail(app: Application, token: string, password?: string): Promise<AppResponse> {
  const json = password === undefined ? { token } : { token, password };
  return app.send('POST', '/api/v1/auth/verify-email', { json });
}

/** A user with a verified address; returns the address. Without workers no mail arrives, so the link is computed. */
export async function addVerifiedUser(app: Application, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const email = uniqueEmail();
  await register(app, email, more);
  const token = app.isManual
    ? await storedLinkToken(app, await userIdOf(app, email), 'verify_email')
    : await mailedToken(app, email);
  const verified = await verifyEmail(app, token);
  if (verified.status !== 200) throw new Error(`the link was rejected: ${verified.code}`);
  return email;
}

export function login(
  app: Application,
  email: string,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<AppResponse<Tokens>> {
  const json = { email, password: validPassword, ...more };
  return app.send<Tokens>('POST', '/api/v1/auth/login', { json, headers });
}

/** A new user with a session on one device. */
export async function addLoggedInUser(app: Application): Promise<Tokens & { readonly email: string }> {
  const email = await addVerifiedUser(app);
  const { data } = await login(app, email);
  return { ...data, email };
}

/** A new user with a cookie session; `cookie` is the value of the Cookie header. */
export async function addCookieSession(app: Application): Promise<{ readonly email: string; readonly cookie: string }> {
  const email = await addVerifiedUser(app);
  const { cookies } = await login(app, email, { transport: 'cookie' });
  return { email, cookie: cookieHeader(cookies) };
}

/** The value of the Cookie header after these Set-Cookie headers. */
export function cookieHeader(setCookies: readonly string[]): string {
  return setCookies.map((cookie) => cookie.split(';')[0]).join('; ');
}

/** Whether the session endpoint accepts an access token. */
export async function isAccepted(app: Application, token: string): Promise<boolean> {
  const { status } = await app.send('GET', '/api/v1/auth/session', { token });
  return status === 200;
}

/** The header that a browser adds to same-origin requests. */
export const sameOrigin = { 'sec-fetch-site': 'same-origin' } as const;
