/**
 * The start of the account pages. Owns the page `/account`; no tables.
 *
 * It shows the account that is signed in and links to the pages that change it. It must not change anything by itself.
 */

import { button, postForm } from '#pages/form.ts';
import { accountPath, securityPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import { type Endpoint, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';

export interface ShowAccount {
  readonly catalogues: Catalogues;
}

export function showAccountEndpoints({ catalogues }: ShowAccount): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'account.show',
      method: 'GET',
      path: accountPath,
      summary: 'The account that is signed in, and where to change it',
      auth: { principals: ['session'] },
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ principal: { name, email }, caller }) => {
        const words = wordsOf(catalogues, caller);
        const { say } = words;
        const body = html`<dl class="facts">
<dt>${say('page.name.label')}</dt><dd><bdi>${name}</bdi></dd>
${email !== null && html`<dt>${say('page.email.label')}</dt><dd><bdi>${email}</bdi></dd>`}
</dl>
<p><a href="${securityPath}">${say('page.account.security')}</a></p>
${postForm('/logout', button({ label: say('page.logout.submit'), isSecondary: true }))}`;
        return { kind: 'html', status: 200, html: page({ title: say('page.account.title'), words, body }) };
      },
    }),
  ];
}
