/**
 * The front page. Owns `/`; no tables.
 *
 * It leads to the account, and without a session to the sign-in page. In development it is a page that shows the inbox, the
 * reference and the first three requests; nothing of the configuration is shown in production.
 */

import { linkButton } from '#pages/form.ts';
import { accountPath, loginPath, type OwnPath } from '#pages/own-path.ts';
import { section, widePage } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';

export interface Home {
  readonly catalogues: Catalogues;
  readonly publicUrl: string;
  /** Undefined in production. */
  readonly development:
    | {
        /** Undefined when an SMTP server delivers mail. */
        readonly inboxUrl: string | undefined;
      }
    | undefined;
}

export function homeEndpoints(flow: Home): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'home.show',
      method: 'GET',
      path: '/',
      summary: 'Leads to the account or to the sign-in page; in development the first steps',
      auth: { principals: ['public', 'session'] },
      rateLimit: 'pages',
      problems: [],
      request: {},
      handler: async ({ principal, caller }) => {
        const path = principal === undefined ? loginPath : accountPath;
        if (flow.development === undefined) return { kind: 'redirect', location: path };
        return welcome(wordsOf(flow.catalogues, caller), flow.publicUrl, flow.development.inboxUrl, path);
      },
    }),
  ];
}

function welcome(words: PageWords, publicUrl: string, inboxUrl: string | undefined, path: OwnPath): PageResponse {
  const { say } = words;
  const label = say(path === loginPath ? 'page.login.title' : 'page.account.title');
  const ways = html`<div class="row">${linkButton({ path, label, isCompact: true })}
${inboxUrl !== undefined && html`<a class="button plain compact" href="${inboxUrl}">${say('page.home.inbox')}</a>`}
${linkButton({ path: '/docs', label: say('page.home.reference'), kind: 'plain', isCompact: true })}</div>`;
  const body = html`${ways}
${firstSteps(publicUrl)}`;
  const lead = say('page.home.lead', { host: new URL(publicUrl).host });
  return { kind: 'html', status: 200, html: widePage({ title: say('page.home.title'), lead, words, body }) };
}

/** English only, like the reference. */
function firstSteps(publicUrl: string): Html {
  const post = (path: string, body: object) => html`curl ${publicUrl}/api/v1/auth/${path} \\
  -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(body)}'`;
  const user = { email: 'ada@example.com', password: 'a long enough password' };
  const returned = `${publicUrl}/login?continue=${encodeURIComponent('http://localhost:3000/')}`;
  return html`<div class="stack" lang="en" dir="ltr">
${step('1. Sign up', 'Then confirm the email in the inbox.', post('register', { ...user, name: 'Ada' }))}
${step(
  '2. Sign in and check the session',
  'The response has an access token for every request.',
  html`${post('login', user)}

curl ${publicUrl}/api/v1/auth/session -H 'Authorization: Bearer <em>accessToken</em>'`,
)}
${step(
  '3. Send people here from your application',
  'List its origin once. They come back signed in.',
  html`latchkey client set-origins --origin http://localhost:3000

${returned}`,
)}
</div>`;
}

function step(title: string, lead: string, code: Html): Html {
  return section({ title, lead, body: html`<div class="body"><pre>${code}</pre></div>` });
}
