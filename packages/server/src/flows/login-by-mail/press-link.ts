/** Logging in with a link: it opens in the browser that asked for it and in no other. */

import type { LoginResult } from '#domain/authentication/index.ts';
import { findActive, type OneTimeToken } from '#domain/one-time-tokens/index.ts';
import { Problem } from '#kernel/problem.ts';
import { clientInfoOf } from '#kernel/requester.ts';
import type { Caller } from '#platform/http/index.ts';
import { type AskingBrowser, readBrowser } from './browser.ts';
import { logIn, type MailLogin, type Wanted } from './log-in.ts';
import { type LoginMethods, requireEnabled } from './request.ts';

/** What pressing needs. */
export type PressLink = MailLogin & { readonly loginByMail: LoginMethods };

/** Looks at a link without using it; `other_browser` when this is not the one that asked. */
export type SeenLink =
  | { readonly kind: 'dead' }
  | { readonly kind: 'other_browser'; readonly link: OneTimeToken }
  | { readonly kind: 'good'; readonly link: OneTimeToken; readonly browser: AskingBrowser };

/** Throws `not_enabled` when links are not in use here. */
export async function lookAtLink(flow: PressLink, text: string, browserSecret: string | undefined): Promise<SeenLink> {
  requireEnabled(flow, 'magic_link');
  const link = await findActive(flow.database, 'magic_link', text, flow.clock.now());
  if (link === undefined) return { kind: 'dead' };
  const browser = readBrowser(browserSecret);
  const isHere = browser !== undefined && link.browserHash !== null && browser.hash.equals(link.browserHash);
  return isHere ? { kind: 'good', link, browser } : { kind: 'other_browser', link };
}

/** A pressed link and who presses it. */
export interface Pressed extends Wanted {
  readonly text: string;
  readonly browserSecret: string | undefined;
}

/** Logs in, or throws the problem that says why not. A link that is refused for its browser stays good for the right one. */
export async function pressLink(flow: PressLink, pressed: Pressed, caller: Caller): Promise<LoginResult> {
  const seen = await lookAtLink(flow, pressed.text, pressed.browserSecret);
  if (seen.kind === 'dead') throw new Problem('invalid_token');
  if (seen.kind === 'other_browser') return refuseBrowser(flow, seen.link, caller);
  const { userId } = seen.link;
  const proof = { kind: 'magic_link', userId, text: pressed.text, browserHash: seen.browser.hash } as const;
  return logIn(flow, proof, pressed, caller);
}

async function refuseBrowser(flow: PressLink, { userId }: OneTimeToken, caller: Caller): Promise<never> {
  const facts = { reason: 'other_browser', by: 'magic_link' };
  const personal = clientInfoOf(caller);
  const actor = { kind: 'stranger' } as const;
  const event = { action: 'login.refused', at: flow.clock.now(), actor, userId, facts, personal } as const;
  await flow.audit.record(flow.database, event, await flow.users.key(userId));
  throw new Problem('other_browser');
}
