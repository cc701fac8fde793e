/**
 * The front page. Owns `/`; no tables.
 *
 * It leads to the account, and without a session to the sign-in page. In development it is a page that shows the inbox, the
 * reference and the first three requests; nothing of the configuration is shown in production.
 */

import { linkButton } from '#pages/form.ts';
import { accountPath, loginPath, type OwnPath } from '#pages/own-path.ts';
import { widePage } from '#pages/page.ts';
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
  const body = html`<p>${linkButton({ path, label, isCompact: true })}</p>
${firstSteps(publicUrl, inboxUrl)}`;
  const lead = say('page.home.lead', { host: new URL(publicUrl).host });
  return { kind: 'html', status: 200, html: widePage({ title: say('page.home.title'), lead, words, body }) };
}

/** English only, like the reference and the commands that it names. */
function firstSteps(publicUrl: string, inboxUrl: string | undefined): Html {
  const post = (path: string, body: object) => `curl ${publicUrl}/api/v1/auth/${path} \\
  -H 'Content-Type: application/json' \\
  -d '${JSON.stringify(body)}'`;
  const user = { email: 'ada@example.com', password: 'a long enough password' };
  return html`<div lang="en">
<h2>For developers</h2>
<ul>
${inboxUrl !== undefined && html`<li><a href="${inboxUrl}">Inbox</a> with every mail that was sent</li>`}
<li><a href="/docs">API reference</a>, also as <a href="/openapi.json">OpenAPI</a></li>
</ul>
<h3>1. Sign up, then confirm the email in the inbox</h3>
<pre>${post('register', { ...user, name: 'Ada' })}</pre>
<h3>2. Sign in</h3>
<pre>${post('login', user)}</pre>
<h3>3. Check the session</h3>
<pre>curl ${publicUrl}/api/v1/auth/session \\
  -H 'Authorization: Bearer <em>accessToken</em>'</pre>
<p class="soft">This part is shown in development only.</p>
</div>`;
}
