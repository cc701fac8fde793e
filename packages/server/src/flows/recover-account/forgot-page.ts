/** `/forgot-password`: requests the link that sets a new password. */

import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { button, field, postForm } from '#pages/form.ts';
import { forgotPasswordPath, loginPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { type ForgotPassword, forgotPassword } from './forgot-password.ts';

export type ForgotPasswordPage = ForgotPassword & { readonly catalogues: Catalogues };

export function forgotPasswordPage(flow: ForgotPasswordPage): readonly Endpoint[] {
  const auth = { principals: ['public'] } as const;
  return [
    pageEndpoint({
      id: 'password.forgot_show',
      method: 'GET',
      path: forgotPasswordPath,
      summary: 'Page that requests a link to set a new password',
      auth,
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ caller }) => formPage(wordsOf(flow.catalogues, caller), 200, ''),
    }),
    pageEndpoint({
      id: 'password.forgot_submit',
      method: 'POST',
      path: forgotPasswordPath,
      summary: 'Its form: mails the link, if the address has an account',
      auth,
      rateLimit: 'mail',
      request: { form: z.strictObject({ email: z.string().max(1000) }) },
      problems: [],
      handler: ({ body: { email }, caller }) => submit(flow, email, caller),
    }),
  ];
}

/** The same page whether or not the address has an account (invariant 13). */
async function submit(flow: ForgotPasswordPage, email: string, caller: Caller): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { say } = words;
  const parsed = emailInput.safeParse(email);
  if (!parsed.success) return formPage(words, 422, email, say('page.login.email_missing'));
  await forgotPassword(flow, parsed.data.canonical, caller);
  const body = html`<p>${say('page.forgot_password.sent', { email: parsed.data.asTyped })}</p>
<p class="soft">${say('page.forgot_password.hint')}</p>
${backLink(words)}`;
  return response(words, 200, 'page.forgot_password.sent_title', body);
}

function formPage(words: PageWords, status: number, email: string, complaint?: string): PageResponse {
  const { say } = words;
  const content = html`${field({
    name: 'email',
    label: say('page.email.label'),
    type: 'email',
    autocomplete: 'username',
    value: email,
    isVerbatim: true,
    hasFocus: true,
    complaint,
  })}
${button({ label: say('page.forgot_password.submit') })}`;
  const body = html`<p>${say('page.forgot_password.intro')}</p>
${postForm(forgotPasswordPath, content)}
${backLink(words)}`;
  return response(words, status, 'page.forgot_password.title', body);
}

function backLink({ say }: PageWords): Html {
  return html`<p><a href="${loginPath}">${say('page.login.back')}</a></p>`;
}

function response(words: PageWords, status: number, title: string, body: Html): PageResponse {
  return { kind: 'html', status, html: page({ title: words.say(title), words, body }) };
}
