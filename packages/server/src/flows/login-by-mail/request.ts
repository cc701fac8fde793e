/** Requests for a link or a code. */
import { browserSecretSeconds, newBrowser, type RequestingBrowser, readBrowser } from '#domain/authentication/index.ts';
import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller, CookieChange } from '#platform/http/index.ts';

/** The kind of secret that the mail contains. */
export type LoginMethod = 'magic_link' | 'email_code';

/** The login methods that settings enable, and the lifetimes of what they mail. */
export interface LoginMethods {
  readonly magicLink: boolean;
  readonly magicLinkSeconds: number;
  readonly emailCode: boolean;
  readonly emailCodeSeconds: number;
}

/** Dependencies of a request. */
export type RequestLogin = RequestMail & { readonly loginByMail: LoginMethods };

/** Throws `not_enabled` when settings disable the login method. */
export function requireEnabled({ loginByMail }: { readonly loginByMail: LoginMethods }, method: LoginMethod): void {
  const enabled = method === 'magic_link' ? loginByMail.magicLink : loginByMail.emailCode;
  if (!enabled) throw new Problem('not_enabled');
}

/** A request for a mail. */
export interface MailLoginRequest {
  readonly canonical: string;
  readonly transport: 'cookie' | 'token';
  /** The secret of an earlier request, from an application. A browser sends it as a cookie. */
  readonly browserToken?: string | undefined;
  readonly deviceToken?: string | undefined;
  /** The return address of a link. A code is typed into a page, which carries the address itself. */
  readonly continueTo?: string | undefined;
  readonly caller: Caller;
}

/** The response, the same whether or not a user has the address. */
export interface RequestedMailLogin {
  readonly expiresIn: number;
  /** For an application. A browser gets it as a cookie. */
  readonly browserToken: string | undefined;
  readonly cookies: readonly CookieChange[];
}

const actions = { magic_link: 'login.link_requested', email_code: 'login.code_requested' } as const;

/**
 * Enqueues the job that mails the link or code, to verified addresses only. To log in by an unverified mailbox, the user
 * recovers the account: recovery first deletes what a stranger may have registered there (invariant 18).
 */
export async function requestMailLogin(
  flow: RequestLogin,
  method: LoginMethod,
  { canonical, transport, browserToken, deviceToken, continueTo, caller }: MailLoginRequest,
): Promise<RequestedMailLogin> {
  requireEnabled(flow, method);
  // A second request keeps the secret, so that the link of its first mail still works, even if no second mail is sent.
  const browser = readBrowser(transport === 'cookie' ? caller.loginCookie : browserToken) ?? newBrowser();
  const lifetimeSeconds = lifetimeOf(flow.loginByMail, method);
  const action = actions[method];
  const request = { canonical, purpose: method, action, toUnverified: false, lifetimeSeconds } as const;
  await requestMail(
    flow,
    { ...request, requester: caller, browserHash: browser.hash, continueTo },
    deviceToken ?? caller.deviceCookie,
  );
  if (transport === 'token') return { expiresIn: lifetimeSeconds, browserToken: browser.secret, cookies: [] };
  const cookie = cookieOf(browser, flow.clock.now());
  return { expiresIn: lifetimeSeconds, browserToken: undefined, cookies: [cookie] };
}

function lifetimeOf({ magicLinkSeconds, emailCodeSeconds }: LoginMethods, method: LoginMethod): number {
  return method === 'magic_link' ? magicLinkSeconds : emailCodeSeconds;
}

// One cookie serves every login of a browser, so that it lasts as long as anything that this browser may have requested.
function cookieOf({ secret }: RequestingBrowser, now: Date): CookieChange {
  return { cookie: 'login', change: { value: secret, expiresAt: addSeconds(now, browserSecretSeconds) } };
}
