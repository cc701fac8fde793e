/** `/logout`: GET shows a question, POST signs this browser out. */

import { z } from 'zod';
import { button, postForm } from '#pages/form.ts';
import { noTicket } from '#pages/login-step.ts';
import { accountPath, loginPath, type OwnPath, toOwnPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import {
  type Caller,
  type CookieChange,
  type CookieKind,
  type Endpoint,
  type PageResponse,
  pageEndpoint,
} from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { type Logout, logOut, logOutEverywhere } from './logout.ts';

export type LogoutPages = Logout & { readonly catalogues: Catalogues };

const path = '/logout';

/** `switch` signs out in order to sign in with another account. */
const form = z.strictObject({
  act: z.enum(['this', 'everywhere', 'switch']),
  continue: z.string().max(2000).optional(),
});

type Typed = z.output<typeof form>;

export function logoutPages(flow: LogoutPages): readonly Endpoint[] {
  const auth = { principals: ['session'] } as const;
  return [
    pageEndpoint({
      id: 'logout.show',
      method: 'GET',
      path,
      summary: 'Page that asks whether to sign out',
      auth,
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ principal, caller }) => show(flow, principal.email ?? principal.name, caller),
    }),
    pageEndpoint({
      id: 'logout.submit',
      method: 'POST',
      path,
      summary: 'Its form: signs this browser out, or all of them',
      auth,
      rateLimit: 'pages',
      request: { form },
      problems: [],
      handler: async ({ body, principal }) => {
        const { act } = body;
        if (act === 'everywhere') await logOutEverywhere(flow, principal);
        else await logOut(flow, principal);
        return signedOut(body);
      },
    }),
  ];
}

function show({ catalogues }: LogoutPages, account: string, caller: Caller): PageResponse {
  const words = wordsOf(catalogues, caller);
  const { say } = words;
  const everywhere = { name: 'act', value: 'everywhere', kind: 'plain' } as const;
  const content = html`${button({ label: say('page.logout.submit'), name: 'act', value: 'this' })}
${button({ label: say('page.logout.everywhere'), ...everywhere })}`;
  const body = html`<p>${say('page.home.signed_in', { account })}</p>
${postForm(path, content)}
<p class="soft"><a href="${accountPath}">${say('page.account.back')}</a></p>`;
  return { kind: 'html', status: 200, html: page({ title: say('page.logout.title'), words, body }) };
}

/** The device stays known, except after a logout everywhere, which revoked it. */
function signedOut({ act, continue: continueTo }: Typed): PageResponse {
  const kinds: readonly CookieKind[] = act === 'everywhere' ? ['session', 'login', 'device'] : ['session', 'login'];
  const expired = kinds.map((cookie): CookieChange => ({ cookie, change: 'expire' }));
  return { kind: 'redirect', location: locationOf(act, continueTo), cookies: [...expired, noTicket] };
}

function locationOf(act: Typed['act'], continueTo: string | undefined): OwnPath {
  if (act !== 'switch') return `${loginPath}?done=signed_out`;
  return withContinue(loginPath, continueTo === undefined ? undefined : toOwnPath(continueTo));
}
