/** Asking for a link or a code. */
import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import { tokenLifetimeSeconds } from '#domain/one-time-tokens/index.ts';
import { addSeconds } from '#kernel/clock.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller, CookieChange } from '#platform/http/index.ts';
import { type AskingBrowser, newBrowser, readBrowser } from './browser.ts';

/** What is mailed. */
export type LoginMethod = 'magic_link' | 'email_code';

/** Which doors are open, and for how long what is mailed lives. */
export interface LoginMethods {
  readonly magicLink: boolean;
  readonly magicLinkSeconds: number;
  readonly emailCode: boolean;
  readonly emailCodeSeconds: number;
}

/** What asking needs. */
export type Ask = RequestMail & { readonly loginByMail: LoginMethods };

/** Throws `not_enabled` when the door is shut. */
export function requireEnabled({ loginByMail }: { readonly loginByMail: LoginMethods }, door: LoginMethod): void {
  const open = door === 'magic_link' ? loginByMail.magicLink : loginByMail.emailCode;
  if (!open) throw new Problem('not_enabled');
}

/** Who asks, and how they want to be known. */
export interface MailLoginRequest {
  readonly canonical: string;
  readonly transport: 'cookie' | 'token';
  readonly caller: Caller;
}

/** What whoever asks is given, whether or not the address has an account. */
export interface RequestedMailLogin {
  readonly expiresIn: number;
  /** For an application; a browser has it in its cookie. */
  readonly browserToken: string | undefined;
  readonly cookies: readonly CookieChange[];
}

const actions = { magic_link: 'login.link_requested', email_code: 'login.code_requested' } as const;

/**
 * Asks for the mail, which a job promises to a proven address whose account lives. An unproven one gets none: proving a mailbox must first drop
 * whatever a stranger may have set before (invariant 18), and recovery does that.
 */
export async function requestMailLogin(
  flow: Ask,
  door: LoginMethod,
  { canonical, transport, caller }: MailLoginRequest,
): Promise<RequestedMailLogin> {
  requireEnabled(flow, door);
  // A browser that asks twice stays the same one, so that the link of its first mail still opens.
  const known = transport === 'cookie' ? readBrowser(caller.loginCookie) : undefined;
  const browser = known ?? newBrowser();
  const lifetimeSeconds = lifetimeOf(flow.loginByMail, door);
  const action = actions[door];
  const asked = { canonical, purpose: door, action, toUnverified: false, lifetimeSeconds, caller } as const;
  await requestMail(flow, { ...asked, browserHash: browser.hash });
  if (transport === 'token') return { expiresIn: lifetimeSeconds, browserToken: browser.secret, cookies: [] };
  return { expiresIn: lifetimeSeconds, browserToken: undefined, cookies: [cookieOf(browser, door, flow.clock.now())] };
}

function lifetimeOf({ magicLinkSeconds, emailCodeSeconds }: LoginMethods, door: LoginMethod): number {
  return door === 'magic_link' ? magicLinkSeconds : emailCodeSeconds;
}

// As long as anything lives that this browser may have asked for: one cookie serves both doors.
function cookieOf({ secret }: AskingBrowser, door: LoginMethod, now: Date): CookieChange {
  return { cookie: 'login', change: { value: secret, expiresAt: addSeconds(now, tokenLifetimeSeconds[door]) } };
}
