/** `/login/choose`: this browser is signed in already. A page and no redirect, so that the back button leads back from here. */
import { z } from 'zod';
import { refusedAddressPage } from '#pages/continue-page.ts';
import { button, hiddenField, postForm, stack } from '#pages/form.ts';
import type { LeadsOn } from '#pages/login-step.ts';
import { accountPath, choosePath, loginPath, logoutPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { continueField, type ReturnAddress } from '#pages/return-address.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import { type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';

type ChoosePage = LeadsOn & { readonly catalogues: Catalogues };

export function choosePage(flow: ChoosePage): Endpoint {
  return pageEndpoint({
    id: 'login.choose',
    method: 'GET',
    path: choosePath,
    summary: 'Page of a browser that is signed in already: continue, or use another account',
    auth: { principals: ['public', 'session'] },
    rateLimit: 'pages',
    request: { query: z.strictObject({ continue: continueField }) },
    problems: [],
    handler: async ({ query, principal, caller }) => {
      const words = wordsOf(flow.catalogues, caller);
      const continueTo = flow.returnAddresses.readOptional(query.continue);
      if (continueTo === 'refused') return refusedAddressPage(flow, words, query.continue ?? '');
      if (principal === undefined) return { kind: 'redirect', location: withContinue(loginPath, continueTo?.text) };
      return chosen(words, principal, continueTo);
    },
  });
}

function chosen(words: PageWords, { name, email }: Principal, continueTo: ReturnAddress | undefined): PageResponse {
  const { say } = words;
  const label =
    continueTo?.kind === 'application'
      ? say('page.choose.continue_to', { application: continueTo.application })
      : say('page.choose.continue');
  const another = html`${hiddenField('act', 'switch')}
${continueTo !== undefined && hiddenField('continue', continueTo.text)}
${button({ label: say('page.choose.other_account'), kind: 'plain' })}`;
  const body = stack(
    html`<a class="button" href="${continueTo?.text ?? accountPath}" autofocus>${label}</a>
`,
    postForm(logoutPath, another),
  );
  const account = name === '' ? (email ?? '') : name;
  const title = say('page.choose.title', { account });
  const lead = email !== null && email !== account ? html`<bdi>${email}</bdi>` : undefined;
  return { kind: 'html', status: 200, html: page({ title, lead, icon: 'user', words, body }) };
}
