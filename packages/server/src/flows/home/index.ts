/**
 * The front page. Owns `/`; no tables.
 *
 * It tells a visitor what this server is, and a user which account is signed in. Outside production it shows developers the
 * inbox and the first three requests. It must not show anything of the configuration in production.
 */

import { accountPath, loginPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Endpoint, pageEndpoint } from '#platform/http/index.ts';
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
      summary: 'The front page: the account that is signed in, or what this server is',
      auth: { principals: ['public', 'session'] },
      rateLimit: 'pages',
      problems: [],
      request: {},
      handler: async ({ principal, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        const body = html`<p>${introduction(flow, words, principal?.email ?? principal?.name)}</p>
${principal === undefined ? linkTo(loginPath, words.say('page.login.title')) : linkTo(accountPath, words.say('page.account.title'))}
${flow.development && firstSteps(flow.publicUrl, flow.development.inboxUrl)}`;
        return {
          kind: 'html',
          status: 200,
          html: page({ title: words.say('page.home.title'), words, body }),
        };
      },
    }),
  ];
}

function linkTo(path: string, text: string): Html {
  return html`<p><a href="${path}">${text}</a></p>`;
}

function introduction({ publicUrl }: Home, { say }: PageWords, account: string | undefined): string {
  if (account !== undefined) return say('page.home.signed_in', { account });
  return say('page.home.visitor', { host: new URL(publicUrl).host });
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
