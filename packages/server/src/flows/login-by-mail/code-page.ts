/** The page that takes a mailed code, as `/login` and `/login/email-code` show it. */
import { checkMailPage } from '#pages/check-mail.ts';
import { button, codeField, hiddenField, postForm } from '#pages/form.ts';
import { emailCodePath, loginPath, withContinue } from '#pages/own-path.ts';
import type { ReturnAddress } from '#pages/return-address.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import type { LoginMethods } from './request.ts';

/** A code's page: whom the code was sent to, and what was wrong with the one that was typed. */
export interface ShownCode {
  readonly status: number;
  readonly email: string;
  readonly continueTo: ReturnAddress | undefined;
  readonly complaint?: string | undefined;
  readonly notice?: Html | undefined;
}

export function codePage(
  { loginByMail, inboxUrl }: { readonly loginByMail: LoginMethods; readonly inboxUrl: string | undefined },
  words: PageWords,
  { email, continueTo, complaint, ...shown }: ShownCode,
): PageResponse {
  const { say } = words;
  const form = html`${hiddenField('email', email)}
${continueTo !== undefined && hiddenField('continue', continueTo.text)}
${codeField(words, complaint)}
${button({ label: say('page.login.submit') })}`;
  return checkMailPage(words, {
    ...shown,
    lead: say('page.email_code.sent', { email }),
    hint: say('page.email_code.hint', { minutes: Math.ceil(loginByMail.emailCodeSeconds / 60) }),
    form: postForm(emailCodePath, form),
    again: { action: emailCodePath, fields: { email, act: 'again', continue: continueTo?.text } },
    startAgain: withContinue(loginPath, continueTo?.text),
    inboxUrl,
  });
}
