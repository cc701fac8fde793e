/** How pages lead through a login: each step has a page, and the ticket cookie carries the login from one to the next. */
import type { LoginResult, SecondFactorKind, TicketStep } from '#domain/authentication/index.ts';
import type { CookieChange, PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { leadTo } from './continue-page.ts';
import { sessionCookies } from './login-result.ts';
import { accountPath, type OwnPath } from './own-path.ts';
import type { ReturnAddress, ReturnAddresses } from './return-address.ts';

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

/** Removes the ticket once its login is over. */
export const noTicket: CookieChange = { cookie: 'ticket', change: 'expire' };

/** Dependencies of pages that a login ends on. */
export interface LeadsOn {
  readonly returnAddresses: ReturnAddresses;
}

/** The address that a login leads to, and the cookies that carry it there. */
export interface Onward {
  readonly address: ReturnAddress;
  readonly cookies: readonly CookieChange[];
}

/**
 * Returns what follows a proof: the page of the next step with its ticket, or with the session the address that the login was to
 * lead to. An address that is no longer allowed is replaced by the account.
 */
export function onwardOf(pages: LeadsOn, result: LoginResult): Onward {
  if (result.kind === 'done') {
    const { issued, continueTo } = result;
    return { address: addressAfter(pages, continueTo), cookies: [...sessionCookies(issued), noTicket] };
  }
  const { step, factors, ticket } = result;
  const { text: value, expiresAt } = ticket;
  const path = pathOfStep(step, factors) ?? stepPaths[step];
  return { address: { kind: 'own', text: path }, cookies: [{ cookie: 'ticket', change: { value, expiresAt } }] };
}

/** The address that a completed login leads to. */
export function addressAfter({ returnAddresses }: LeadsOn, continueTo: string | null): ReturnAddress {
  return (continueTo === null ? undefined : returnAddresses.read(continueTo)) ?? account;
}

const account: ReturnAddress = { kind: 'own', text: accountPath };

/** Leads on after a proof. A form is answered by 303, so that reload and back send nothing again. */
export function leadOn(pages: LeadsOn, words: PageWords, result: LoginResult): PageResponse {
  const { address, cookies } = onwardOf(pages, result);
  return leadTo(words, address, cookies);
}
