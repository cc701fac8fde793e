/** Login by a mailed link, which works only in the browser that requested it. */

import {
  type LoginGate,
  type LoginOptions,
  type LoginResult,
  type RequestingBrowser,
  readBrowser,
  recordRejectedLogin,
  startLogin,
} from '#domain/authentication/index.ts';
import { findActive, type OneTimeToken, openReturnAddress } from '#domain/one-time-tokens/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Requester } from '#kernel/requester.ts';
import { type LoginMethods, requireEnabled } from './request.ts';

/** Dependencies of this login method. */
export type PressLink = LoginGate & { readonly loginByMail: LoginMethods };

/** A link that was found but not consumed. */
export type FoundLink =
  | { readonly kind: 'invalid' }
  | { readonly kind: 'other_browser'; readonly link: OneTimeToken }
  | { readonly kind: 'usable'; readonly link: OneTimeToken; readonly browser: RequestingBrowser };

/** Finds a link without consuming it. Throws `not_enabled` when login links are disabled. */
export async function findLink(flow: PressLink, text: string, browserSecret: string | undefined): Promise<FoundLink> {
  requireEnabled(flow, 'magic_link');
  const link = await findActive(flow.database, 'magic_link', text, flow.clock.now());
  if (link === undefined) return { kind: 'invalid' };
  const browser = readBrowser(browserSecret);
  const isSame = browser !== undefined && link.browserHash !== null && browser.hash.equals(link.browserHash);
  return isSame ? { kind: 'usable', link, browser } : { kind: 'other_browser', link };
}

/** A link as a browser or an application presents it. */
export interface PressedLink extends LoginOptions {
  readonly text: string;
  readonly browserSecret: string | undefined;
}

/** Logs in, or throws the Problem of the rejection. Another browser does not consume the link. */
export async function pressLink(flow: PressLink, pressed: PressedLink, requester: Requester): Promise<LoginResult> {
  const { text, browserSecret } = pressed;
  const found = await findLink(flow, text, browserSecret);
  if (found.kind === 'invalid') throw new Problem('invalid_token');
  if (found.kind === 'other_browser') return rejectBrowser(flow, found.link, requester);
  const { link, browser } = found;
  const proof = { by: 'magic_link', userId: link.userId, text, browserHash: browser.hash } as const;
  return startLogin(flow, proof, { ...pressed, continueTo: await continueToOf(flow, link) }, requester);
}

/** Undefined without one, and after the erasure of the user. */
async function continueToOf(
  { users }: PressLink,
  { id, userId, sealedPayload }: OneTimeToken,
): Promise<string | undefined> {
  const userKey = sealedPayload === null ? undefined : await users.key(userId);
  return sealedPayload === null || userKey === undefined ? undefined : openReturnAddress(userKey, id, sealedPayload);
}

async function rejectBrowser(flow: PressLink, { userId }: OneTimeToken, requester: Requester): Promise<never> {
  const userKey = await flow.users.key(userId);
  const rejected = { by: 'magic_link', reason: 'other_browser', userId, userKey } as const;
  await recordRejectedLogin(flow, flow.database, rejected, requester);
  throw new Problem('other_browser');
}
