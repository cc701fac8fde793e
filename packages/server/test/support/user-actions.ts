/** What people do with the product, in the words of tests: register, press links, log in on devices. */
import type { MailTemplate } from '#domain/mail-ledger/index.ts';
import { statement } from '#platform/database/index.ts';
import type { InboxMessage } from '#platform/mail/index.ts';
import type { Application, AppResponse } from './application.ts';
import { eventually } from './wait.ts';

/** A password that any profile accepts. */
export const validPassword = 'correct horse battery';

/** What a login by tokens answers. */
export interface Tokens {
  readonly userId: string;
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly deviceToken: string;
  readonly expiresIn: number;
  /** Only when the login needs a further step; then nothing of the above is there. */
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

let made = 0;

/** An address that nobody has yet. */
export function uniqueEmail(name = 'person'): string {
  made += 1;
  return `${name}.${made}@people.example`;
}

export function register(
  app: Application,
  email: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<AppResponse> {
  const json = { email, password: validPassword, name: 'Ada Lovelace', ...more };
  return app.send('POST', '/api/v1/auth/register', { json });
}

/** The kinds of mail that were promised to an address, in the order of their promises; what is not here is never sent. */
export async function mailsTo(app: Application, email: string): Promise<MailTemplate[]> {
  const rows = await app.services.database.rows(findMails, { email: email.toLowerCase() });
  return rows.map(({ template }) => template as MailTemplate);
}

/**
 * Waits for the first messages that were promised to the address, in the order of their promises: workers send several
 * at once, so the inbox has them in any order.
 */
export function messagesTo(app: Application, email: string, count: number): Promise<readonly InboxMessage[]> {
  const ask = async () => {
    const promised = await app.services.database.rows(findMails, { email: email.toLowerCase() });
    const received = new Map(app.inbox.list().map((message) => [message.messageId, message]));
    const messages = promised.slice(0, count).map(({ messageId }) => received.get(messageId));
    const all = messages.filter((message) => message !== undefined);
    return all.length === count ? all : undefined;
  };
  return eventually(ask, { what: `${email} has ${count} messages` });
}

/**
 * The token of the link in the address's message of this number, the first being 1.
 * Read it before another link is pressed: a mail whose link is dead is not sent any more.
 */
export async function mailedToken(app: Application, email: string, number = 1): Promise<string> {
  const messages = await messagesTo(app, email, number);
  const link = new URL(messages[number - 1]?.links[0] ?? '');
  return link.searchParams.get('token') ?? '';
}

/** The token of the newest link to a page of ours that was mailed to an address, whether or not it is anybody's yet. */
export async function newestMailedToken(app: Application, email: string, path: string): Promise<string> {
  const seek = async () => {
    const messages = app.inbox.list().filter(({ to }) => to === email.toLowerCase());
    return messages
      .flatMap(({ links }) => links.map((link) => new URL(link)))
      .find(({ pathname }) => pathname === path);
  };
  const link = await eventually(seek, { what: `${email} has a link to ${path}` });
  return link.searchParams.get('token') ?? '';
}

export function verifyEmail(app: Application, token: string, password?: string): Promise<AppResponse> {
  const json = password === undefined ? { token } : { token, password };
  return app.send('POST', '/api/v1/auth/verify-email', { json });
}

/** Somebody with a proven address; answers the address. */
export async function addVerifiedUser(app: Application, more: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const email = uniqueEmail();
  await register(app, email, more);
  const pressed = await verifyEmail(app, await mailedToken(app, email));
  if (pressed.status !== 200) throw new Error(`the link was refused: ${pressed.code}`);
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

/** A new person who logged in on one device. */
export async function addLoggedInUser(app: Application): Promise<Tokens & { readonly email: string }> {
  const email = await addVerifiedUser(app);
  const { data } = await login(app, email);
  return { ...data, email };
}

/** A new person with a session by cookie: `cookie` is the request's header. */
export async function addCookieSession(app: Application): Promise<{ readonly email: string; readonly cookie: string }> {
  const email = await addVerifiedUser(app);
  const { cookies } = await login(app, email, { transport: 'cookie' });
  return { email, cookie: cookieHeader(cookies) };
}

/** What a browser sends back. */
export function cookieHeader(setCookies: readonly string[]): string {
  return setCookies.map((cookie) => cookie.split(';')[0]).join('; ');
}

/** Whether an access token opens anything. */
export async function isAccepted(app: Application, token: string): Promise<boolean> {
  const { status } = await app.send('GET', '/api/v1/auth/session', { token });
  return status === 200;
}

/** What a browser adds to requests that a page of ours makes. */
export const sameOrigin = { 'sec-fetch-site': 'same-origin' } as const;
