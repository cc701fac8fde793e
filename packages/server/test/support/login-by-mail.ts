/** Login by magic link and email code. */
import type { Application, AppResponse } from './application.ts';
import { addVerifiedUser, cookieHeader, type Tokens } from './user-actions.ts';
import { eventually } from './wait.ts';

export const loginMethodsEnabled = { LATCHKEY_MAGIC_LINK: '1', LATCHKEY_EMAIL_CODE: '1' } as const;

export interface MailLoginResponse {
  readonly email: string;
  readonly status: string;
  readonly expiresIn: number;
  readonly browserToken?: string;
}

export function requestLink(
  app: Application,
  email: string,
  more: object = {},
  cookie?: string,
): Promise<AppResponse<MailLoginResponse>> {
  return requestMail(app, 'magic-link', email, more, cookie);
}

export function requestCode(
  app: Application,
  email: string,
  more: object = {},
  cookie?: string,
): Promise<AppResponse<MailLoginResponse>> {
  return requestMail(app, 'email-code', email, more, cookie);
}

function requestMail(
  app: Application,
  method: string,
  email: string,
  more: object,
  cookie?: string,
): Promise<AppResponse<MailLoginResponse>> {
  const sent = { json: { email, ...more }, ...(cookie === undefined ? {} : { cookie }) };
  return app.send<MailLoginResponse>('POST', `/api/v1/auth/login/${method}`, sent);
}

/** Consumes the token of a link through the API. */
export function loginByLink(app: Application, token: string, more: object = {}): Promise<AppResponse<Tokens>> {
  return app.send<Tokens>('POST', '/api/v1/auth/login/magic-link/verify', { json: { token, ...more } });
}

export function loginByCode(
  app: Application,
  email: string,
  code: string,
  more: object = {},
): Promise<AppResponse<Tokens>> {
  const json = { email, code, ...more };
  return app.send<Tokens>('POST', '/api/v1/auth/login/email-code/verify', { json });
}

/** Waits for `count` codes mailed to an address; the newest first. */
export function mailedCodes(app: Application, email: string, count = 1): Promise<readonly string[]> {
  const findCodes = () => {
    // The mail of a sign-up has a link, and its code does not sign in here.
    const messages = app.inbox.list().filter(({ to, links }) => to === email.toLowerCase() && links.length === 0);
    const codes = messages.flatMap(({ text }) => /^(\d{6})$/m.exec(text)?.[1] ?? []);
    return codes.length >= count ? codes : undefined;
  };
  return eventually(findCodes, { what: `${email} received ${count} codes` });
}

/** A different code of six digits. */
export function wrongCode(code: string, by = 1): string {
  return String((Number(code) + by) % 1_000_000).padStart(6, '0');
}

/** A user with a mailed code, requested for the token transport. */
export async function addUserWithCode(
  app: Application,
): Promise<{ email: string; code: string; browserToken: string }> {
  const email = await addVerifiedUser(app);
  const { data } = await requestCode(app, email);
  const [code = ''] = await mailedCodes(app, email);
  return { email, code, browserToken: data.browserToken ?? '' };
}

/** Requests a link for the cookie transport; returns the cookie that binds the login to the browser. */
export async function requestLinkInBrowser(app: Application, email: string): Promise<string> {
  return cookieHeader((await requestLink(app, email, { transport: 'cookie' })).cookies);
}
