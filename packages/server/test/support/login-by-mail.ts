/** Logging in by mail, in the words of tests: ask, read, press or type. */
import type { Application, AppResponse } from './application.ts';
import { addVerifiedUser, cookieHeader, type Tokens } from './user-actions.ts';
import { eventually } from './wait.ts';

/** Opens both doors. */
export const loginMethodsEnabled = { LATCHKEY_MAGIC_LINK: '1', LATCHKEY_EMAIL_CODE: '1' } as const;

/** What asking answers. */
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
  return askFor(app, 'magic-link', email, more, cookie);
}

export function requestCode(
  app: Application,
  email: string,
  more: object = {},
  cookie?: string,
): Promise<AppResponse<MailLoginResponse>> {
  return askFor(app, 'email-code', email, more, cookie);
}

function askFor(
  app: Application,
  door: string,
  email: string,
  more: object,
  cookie?: string,
): Promise<AppResponse<MailLoginResponse>> {
  const sent = { json: { email, ...more }, ...(cookie === undefined ? {} : { cookie }) };
  return app.send<MailLoginResponse>('POST', `/api/v1/auth/login/${door}`, sent);
}

/** Uses the token of a link as an application does. */
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

/** The codes that were mailed to an address, the newest first; waits until there are so many. */
export function mailedCodes(app: Application, email: string, count = 1): Promise<readonly string[]> {
  const seek = () => {
    const messages = app.inbox.list().filter(({ to }) => to === email.toLowerCase());
    const codes = messages.flatMap(({ text }) => /^Code: (\d{6})$/m.exec(text)?.[1] ?? []);
    return codes.length >= count ? codes : undefined;
  };
  return eventually(seek, { what: `${email} has ${count} codes` });
}

/** Another code of six digits. */
export function wrongCode(code: string, by = 1): string {
  return String((Number(code) + by) % 1_000_000).padStart(6, '0');
}

/** Somebody who asked for a code by tokens, and has read it. */
export async function addUserWithCode(
  app: Application,
): Promise<{ email: string; code: string; browserToken: string }> {
  const email = await addVerifiedUser(app);
  const { data } = await requestCode(app, email);
  const [code = ''] = await mailedCodes(app, email);
  return { email, code, browserToken: data.browserToken ?? '' };
}

/** The cookie of a browser that asked for a link. */
export async function requestLinkInBrowser(app: Application, email: string): Promise<string> {
  return cookieHeader((await requestLink(app, email, { transport: 'cookie' })).cookies);
}
