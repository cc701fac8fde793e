/** `/logout`: GET shows a question, POST signs this browser out and leads to `/signed-out`. */

import { z } from 'zod';
import { refusedAddressPage } from '#pages/continue-page.ts';
import { button, hiddenField, postForm, stack } from '#pages/form.ts';
import { type LeadsOn, noTicket } from '#pages/login-step.ts';
import { refusal } from '#pages/notice.ts';
import {
  accountPath,
  choosePath,
  loginPath,
  logoutPath,
  type OwnPath,
  signedOutPath,
  withContinue,
} from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { continueField, type ReturnAddress } from '#pages/return-address.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import {
  type CookieChange,
  type CookieKind,
  type Endpoint,
  type PageResponse,
  type Principal,
  pageEndpoint,
} from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { type Logout, logOut, logOutEverywhere } from './logout.ts';

export type LogoutPages = Logout & LeadsOn & { readonly catalogues: Catalogues };

/** `switch` signs out in order to sign in with another account. */
const form = z.strictObject({ act: z.enum(['this', 'everywhere', 'switch']), continue: continueField });

type Act = z.output<typeof form>['act'];

export function logoutPages(flow: LogoutPages): readonly Endpoint[] {
  const query = z.strictObject({ continue: continueField });
  return [
    pageEndpoint({
      id: 'logout.show',
      method: 'GET',
      path: logoutPath,
      summary: 'Page that asks whether to sign out',
      auth: { principals: ['public', 'session'] },
      rateLimit: 'pages',
      request: { query },
      problems: [],
      handler: async ({ query: { continue: text }, principal, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        const continueTo = flow.returnAddresses.readOptional(text);
        if (continueTo === 'refused') return refusedAddressPage(flow, words, text ?? '');
        if (principal !== undefined) return questionPage(words, principal, continueTo);
        return { kind: 'redirect', location: withContinue(signedOutPath, continueTo?.text) };
      },
    }),
    pageEndpoint({
      id: 'logout.submit',
      method: 'POST',
      path: logoutPath,
      summary: 'Its form: signs this browser out, or all of them',
      auth: { principals: ['session'] },
      rateLimit: 'pages',
      request: { form },
      problems: [],
      handler: async ({ body: { act, continue: text }, principal, caller }) => {
        const continueTo = flow.returnAddresses.readOptional(text);
        if (continueTo === 'refused') return refusedAddressPage(flow, wordsOf(flow.catalogues, caller), text ?? '');
        await (act === 'everywhere' ? logOutEverywhere : logOut)(flow, principal);
        return signedOut(act, continueTo);
      },
      refused: ({ body: { continue: text }, principal, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        const continueTo = flow.returnAddresses.readOptional(text);
        if (continueTo === 'refused') return refusedAddressPage(flow, words, text ?? '');
        return questionPage(words, principal, continueTo, refusal(words, problem));
      },
    }),
    signedOutEndpoint(flow),
  ];
}

function signedOutEndpoint(flow: LogoutPages): Endpoint {
  return pageEndpoint({
    id: 'logout.signed_out',
    method: 'GET',
    path: signedOutPath,
    summary: 'Page after signing out: sign in again, or go back to the application',
    auth: { principals: ['public', 'session'] },
    rateLimit: 'pages',
    request: { query: z.strictObject({ continue: continueField, done: z.enum(['everywhere']).optional() }) },
    problems: [],
    handler: async ({ query: { continue: text, done }, principal, caller }) => {
      const words = wordsOf(flow.catalogues, caller);
      const continueTo = flow.returnAddresses.readOptional(text);
      if (continueTo === 'refused') return refusedAddressPage(flow, words, text ?? '');
      // The history of a browser that has signed in again since.
      if (principal !== undefined) return { kind: 'redirect', location: withContinue(choosePath, continueTo?.text) };
      return signedOutPage(words, done, continueTo);
    },
  });
}

function questionPage(
  words: PageWords,
  { name, email }: Principal,
  continueTo: ReturnAddress | undefined,
  notice?: Html,
): PageResponse {
  const { say } = words;
  const content = html`${continueTo !== undefined && hiddenField('continue', continueTo.text)}
${stack(
  button({ label: say('page.logout.submit'), name: 'act', value: 'this' }),
  button({ label: say('page.logout.everywhere'), name: 'act', value: 'everywhere', kind: 'plain' }),
)}`;
  const lead = say('page.home.signed_in', { account: email ?? name });
  const beneath = html`<a href="${accountPath}">${say('page.account.back')}</a>`;
  const body = html`${notice}${postForm(logoutPath, content)}`;
  const shown = page({ title: say('page.logout.title'), lead, words, body, beneath });
  return { kind: 'html', status: 200, html: shown };
}

function signedOutPage(
  words: PageWords,
  done: 'everywhere' | undefined,
  continueTo: ReturnAddress | undefined,
): PageResponse {
  const { say } = words;
  const back =
    continueTo?.kind === 'application' &&
    html`<a class="button plain" href="${continueTo.text}">${say('page.signed_out.back', { application: continueTo.application })}</a>
`;
  const again = html`<a class="button" href="${withContinue(loginPath, continueTo?.text)}">${say('page.signed_out.again')}</a>
`;
  const title = say('page.signed_out.title');
  const lead = say(done === undefined ? 'page.signed_out.lead' : 'page.signed_out.everywhere');
  const shown = page({ title, lead, icon: 'check', tone: 'good', words, body: stack(again, back) });
  return { kind: 'html', status: 200, html: shown };
}

/** The device stays known, except after a logout everywhere, which revoked it. */
function signedOut(act: Act, continueTo: ReturnAddress | undefined): PageResponse {
  const kinds: readonly CookieKind[] = act === 'everywhere' ? ['session', 'login', 'device'] : ['session', 'login'];
  const expired = kinds.map((cookie): CookieChange => ({ cookie, change: 'expire' }));
  return { kind: 'redirect', location: locationOf(act, continueTo), cookies: [...expired, noTicket] };
}

function locationOf(act: Act, continueTo: ReturnAddress | undefined): OwnPath {
  if (act === 'switch') return withContinue(loginPath, continueTo?.text);
  const path = withContinue(signedOutPath, continueTo?.text);
  if (act === 'this') return path;
  return `${path}${path.includes('?') ? '&' : '?'}done=everywhere`;
}
