/** `/forgot-password`: requests the link that sets a new password. */

import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { button, field, postForm } from '#pages/form.ts';
import { sayWith } from '#pages/message-parts.ts';
import { note } from '#pages/notice.ts';
import { forgotPasswordPath, loginPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
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
  return {
    kind: 'html',
    status: 200,
    html: page({
      words,
      title: say('page.check_mail.title'),
      lead: sayWith(words, 'page.forgot_password.sent', { email: html`<b><bdi>${parsed.data.asTyped}</bdi></b>` }),
      icon: 'mail',
      body: note(say('page.forgot_password.hint')),
      beneath: html`${say('page.check_mail.wrong_address')} <a href="${forgotPasswordPath}">${say('page.check_mail.start_again')}</a>`,
    }),
  };
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
  const title = say('page.forgot_password.title');
  const lead = say('page.forgot_password.intro');
  const body = postForm(forgotPasswordPath, content);
  const beneath = html`<a href="${loginPath}">${say('page.login.back')}</a>`;
  return { kind: 'html', status, html: page({ words, title, lead, body, beneath }) };
}
