/** `/resend-verification`: asks for another link, for those whose link no longer works. */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import { refusal } from '#pages/notice.ts';
import { emailFormPage, mailRequestedPage, type RequestByEmail } from '#pages/request-by-email.ts';
import { resendPath } from '#pages/sign-up-paths.ts';
import { wordsOf } from '#pages/words.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues } from '#platform/i18n/index.ts';

/** Dependencies of the page. */
export type ResendPages = RequestMail & { readonly catalogues: Catalogues };

/** The form and the page after it. */
const texts: RequestByEmail = {
  path: resendPath,
  title: 'page.resend_verification.title',
  lead: 'page.resend_verification.lead',
  submit: 'page.resend_verification.submit',
  sent: 'page.resend_verification.sent',
  hint: 'page.check_mail.hint',
};

export function resendPages(flow: ResendPages): readonly Endpoint[] {
  const auth = { principals: ['public'] } as const;
  return [
    pageEndpoint({
      id: 'verify_email.resend_show',
      method: 'GET',
      path: resendPath,
      summary: 'Page that requests another verification link',
      auth,
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: async ({ caller }) => emailFormPage(wordsOf(flow.catalogues, caller), texts, 200, { email: '' }),
    }),
    pageEndpoint({
      id: 'verify_email.resend_submit',
      method: 'POST',
      path: resendPath,
      summary: 'Its form: mails the link, if the email waits to be confirmed',
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

/** The same page for every address (invariant 13). */
async function submit(flow: ResendPages, email: string, caller: Caller): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const parsed = emailInput.safeParse(email);
  if (!parsed.success)
    return emailFormPage(words, texts, 422, { email, complaint: words.say('page.login.email_missing') });
  const { asTyped, canonical } = parsed.data;
  await requestMail(flow, { purpose: 'verify_email', canonical, requester: caller });
  return mailRequestedPage(words, texts, asTyped);
}
