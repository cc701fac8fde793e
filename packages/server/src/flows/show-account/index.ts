/**
 * The start of the account pages. Owns the page `/account`; no tables.
 *
 * It shows the account that is signed in and links to the pages that change it. It must not change anything by itself.
 */

import { facts, linkButton } from '#pages/form.ts';
import { accountPath, securityPath } from '#pages/own-path.ts';
import { accountPage } from '#pages/page.ts';
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
        const who = facts([[say('page.name.label'), name], email !== null && [say('page.email.label'), email]]);
        const body = html`${who}
<p>${linkButton({ label: say('page.account.security'), kind: 'plain', path: securityPath })}</p>`;
        const title = say('page.account.title');
        return { kind: 'html', status: 200, html: accountPage({ section: accountPath, title, words, body }) };
      },
    }),
  ];
}
