/** How pages lead through a login: each step has a page, and the ticket cookie carries the login from one to the next. */
import type { LoginResult, SecondFactorKind, TicketStep } from '#domain/authentication/index.ts';
import type { CookieChange, PageResponse } from '#platform/http/index.ts';
import { sessionCookies } from './login-result.ts';
import { accountPath, type OwnPath, toOwnPath } from './own-path.ts';

/** The page of each step. */
export const stepPaths = {
  second_factor: '/login/second-factor',
  confirm_mailbox: '/login/confirm-mailbox',
  enroll_second_factor: '/login/enroll',
  change_password: '/login/change-password',
  cancel_deletion: '/login/cancel-deletion',
} as const satisfies Readonly<Record<TicketStep, OwnPath>>;

/** The page of a second factor whose form takes a script. */
export const passkeyStepPath = '/login/second-factor/passkey';

const stepPathByName: Partial<Readonly<Record<string, OwnPath>>> = stepPaths;

/** The page of a step, or undefined for a step that has none. Without an app, a passkey is the first choice. */
export function pathOfStep(step: string, factors: readonly SecondFactorKind[]): OwnPath | undefined {
  const hasPasskeyOnly = factors.includes('passkey') && !factors.includes('totp');
  return step === 'second_factor' && hasPasskeyOnly ? passkeyStepPath : stepPathByName[step];
}

/** A response that leads to another page of ours. */
export type Redirect = Extract<PageResponse, { readonly kind: 'redirect' }>;

/** Removes the ticket once its login is over. */
export const noTicket: CookieChange = { cookie: 'ticket', change: 'expire' };

/**
 * Leads on after a proof: to the next step with its ticket, or with the session to where the login was to lead. Every form
 * is answered by 303, so that reload and back send nothing again.
 *
 * @param more cookies that the proof changes.
 */
export function loginRedirect(result: LoginResult, more: readonly CookieChange[] = []): Redirect {
  if (result.kind === 'done') {
    const { issued, continueTo } = result;
    const location = (continueTo === null ? undefined : toOwnPath(continueTo)) ?? accountPath;
    return { kind: 'redirect', location, cookies: [...sessionCookies(issued), noTicket, ...more] };
  }
  const { text: value, expiresAt } = result.ticket;
  const ticket = { cookie: 'ticket', change: { value, expiresAt } } as const;
  const { step, factors } = result;
  const location = pathOfStep(step, factors) ?? stepPaths[step];
  return { kind: 'redirect', location, cookies: [ticket, ...more] };
}
