/** The ways by mail that the sign-in page offers, and the pages after a request. */
import { checkMailPage } from '#pages/check-mail.ts';
import { loginPath, withContinue } from '#pages/own-path.ts';
import type { ReturnAddress } from '#pages/return-address.ts';
import { wordsOf } from '#pages/words.ts';
import type { Caller, PageResponse } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { codePage } from './code-page.ts';
import { type LoginMethod, type RequestLogin, requestMailLogin } from './request.ts';

/** Dependencies of the pages after a request. */
export type MailedWays = RequestLogin & {
  readonly catalogues: Catalogues;
  /** Of the operator's listener; undefined in production and with an SMTP server. */
  readonly inboxUrl: string | undefined;
};

interface Recipient {
  readonly canonical: string;
  readonly continueTo: ReturnAddress | undefined;
}

export function mailedWays(flow: MailedWays) {
  return {
    isEnabled: (way: LoginMethod) => (way === 'magic_link' ? flow.loginByMail.magicLink : flow.loginByMail.emailCode),
    request: (way: LoginMethod, recipient: Recipient, caller: Caller) => requestWay(flow, way, recipient, caller),
  };
}

/** Enqueues the mail. The page is the same whether or not the address has an account (invariant 13). */
export async function requestWay(
  flow: MailedWays,
  way: LoginMethod,
  { canonical, continueTo }: Recipient,
  caller: Caller,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  // The code's page carries the address itself.
  const carried = way === 'magic_link' ? continueTo?.text : undefined;
  const request = { canonical, transport: 'cookie', continueTo: carried, caller } as const;
  const { cookies } = await requestMailLogin(flow, way, request);
  const shown = { email: canonical, continueTo, status: 200 } as const;
  const page = way === 'magic_link' ? linkSentPage(flow, words, shown) : codePage(flow, words, shown);
  return { ...page, cookies };
}

function linkSentPage(
  { loginByMail: { magicLinkSeconds }, inboxUrl }: MailedWays,
  words: PageWords,
  {
    email,
    continueTo,
    status,
  }: { readonly email: string; readonly continueTo: ReturnAddress | undefined; readonly status: number },
): PageResponse {
  const { say } = words;
  return checkMailPage(words, {
    status,
    lead: say('page.login.link_sent', { email }),
    hint: say('page.login.link_hint', { minutes: Math.ceil(magicLinkSeconds / 60) }),
    again: { action: loginPath, fields: { email, act: 'magic_link', continue: continueTo?.text } },
    startAgain: withContinue(loginPath, continueTo?.text),
    inboxUrl,
  });
}
