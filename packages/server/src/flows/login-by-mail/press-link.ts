/** Logging in with a link: it opens in the browser that asked for it and in no other. */

import { findLive, type OneTimeToken } from '#domain/one-time-tokens/index.ts';
import type { LoggedIn } from '#domain/session-issuance/index.ts';
import { Problem } from '#kernel/problem.ts';
import type { Caller } from '#platform/http/index.ts';
import { type AskingBrowser, readBrowser } from './browser.ts';
import { type Enter, enter, type Wanted } from './log-in.ts';
import { type Doors, demandOpen } from './request.ts';

/** What pressing needs. */
export type PressLink = Enter & { readonly loginByMail: Doors };

/** Looks at a link without using it; `other_browser` when this is not the one that asked. */
export type SeenLink =
  | { readonly kind: 'dead' }
  | { readonly kind: 'other_browser'; readonly link: OneTimeToken }
  | { readonly kind: 'good'; readonly link: OneTimeToken; readonly browser: AskingBrowser };

/** Throws `not_enabled` when links are not in use here. */
export async function lookAtLink(flow: PressLink, text: string, browserSecret: string | undefined): Promise<SeenLink> {
  demandOpen(flow, 'magic_link');
  const link = await findLive(flow.database, 'magic_link', text, flow.clock.now());
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
export async function pressLink(flow: PressLink, pressed: Pressed, caller: Caller): Promise<LoggedIn> {
  const seen = await lookAtLink(flow, pressed.text, pressed.browserSecret);
  if (seen.kind === 'dead') throw new Problem('invalid_token');
  if (seen.kind === 'other_browser') return refuseBrowser(flow, seen.link, caller);
  const { userId } = seen.link;
  const proof = { kind: 'magic_link', userId, text: pressed.text, browserHash: seen.browser.hash } as const;
  return enter(flow, proof, pressed, caller);
}

async function refuseBrowser(flow: PressLink, { userId }: OneTimeToken, caller: Caller): Promise<never> {
  const facts = { reason: 'other_browser', by: 'magic_link' };
  const personal = { address: caller.address, userAgent: caller.userAgent ?? '' };
  const actor = { kind: 'stranger' } as const;
  const event = { action: 'login.refused', at: flow.clock.now(), actor, userId, facts, personal } as const;
  await flow.audit.record(flow.database, event, await flow.users.key(userId));
  throw new Problem('other_browser');
}
