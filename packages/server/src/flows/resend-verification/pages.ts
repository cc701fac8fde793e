/** `/resend-verification`: asks for another link, for those whose link no longer works. */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import { button, field, postForm } from '#pages/form.ts';
import { sayWith } from '#pages/message-parts.ts';
import { note } from '#pages/notice.ts';
import { loginPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { resendPath } from '#pages/sign-up-paths.ts';
import { wordsOf } from '#pages/words.ts';
import { html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';

/** Dependencies of the page. */
export type ResendPages = RequestMail & { readonly catalogues: Catalogues };

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
      handler: async ({ caller }) => formPage(wordsOf(flow.catalogues, caller), 200, ''),
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
    }),
  ];
}

/** The same page for every address (invariant 13). */
async function submit(flow: ResendPages, email: string, caller: Caller): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { say } = words;
  const parsed = emailInput.safeParse(email);
  if (!parsed.success) return formPage(words, 422, email, say('page.login.email_missing'));
  const { asTyped, canonical } = parsed.data;
  await requestMail(flow, { purpose: 'verify_email', canonical, requester: caller });
  return {
    kind: 'html',
    status: 200,
    html: page({
      words,
      title: say('page.check_mail.title'),
      lead: sayWith(words, 'page.resend_verification.sent', { email: html`<b><bdi>${asTyped}</bdi></b>` }),
      icon: 'mail',
      body: note(say('page.check_mail.hint')),
      beneath: html`${say('page.check_mail.wrong_address')} <a href="${resendPath}">${say('page.check_mail.start_again')}</a>`,
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
${button({ label: say('page.resend_verification.submit') })}`;
  const title = say('page.resend_verification.title');
  const lead = say('page.resend_verification.lead');
  const body = postForm(resendPath, content);
  const beneath = html`<a href="${loginPath}">${say('page.login.back')}</a>`;
  return { kind: 'html', status, html: page({ words, title, lead, body, beneath }) };
}
