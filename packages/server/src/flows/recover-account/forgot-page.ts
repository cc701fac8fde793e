/** `/forgot-password`: requests the link that sets a new password. */

import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { refusal } from '#pages/notice.ts';
import { forgotPasswordPath } from '#pages/own-path.ts';
import { emailFormPage, mailRequestedPage, type RequestByEmail } from '#pages/request-by-email.ts';
import { wordsOf } from '#pages/words.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';
import { type ForgotPassword, forgotPassword } from './forgot-password.ts';

export type ForgotPasswordPage = ForgotPassword & { readonly catalogues: Catalogues };

/** The form and the page after it. */
const texts: RequestByEmail = {
  path: forgotPasswordPath,
  title: 'page.forgot_password.title',
  lead: 'page.forgot_password.intro',
  submit: 'page.forgot_password.submit',
  sent: 'page.forgot_password.sent',
  hint: 'page.forgot_password.hint',
};

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
      handler: async ({ caller }) => emailFormPage(wordsOf(flow.catalogues, caller), texts, 200, { email: '' }),
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
      refused: ({ body: { email }, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        return emailFormPage(words, texts, 200, { email, notice: refusal(words, problem) });
      },
    }),
  ];
}

/** The same page whether or not the address has an account (invariant 13). */
async function submit(flow: ForgotPasswordPage, email: string, caller: Caller): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const parsed = emailInput.safeParse(email);
  if (!parsed.success)
    return emailFormPage(words, texts, 422, { email, complaint: words.say('page.login.email_missing') });
  await forgotPassword(flow, parsed.data.canonical, caller);
  return mailRequestedPage(words, texts, parsed.data.asTyped);
}
