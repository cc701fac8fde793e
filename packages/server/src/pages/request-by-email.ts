/** The form that asks for an email, and the page after it: the same for every address (invariant 13). */
import { type Html, html } from '#platform/html/index.ts';
import type { PageResponse } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { button, field, postForm } from './form.ts';
import { sayWith } from './message-parts.ts';
import { note } from './notice.ts';
import { loginPath, type OwnPath } from './own-path.ts';
import { page } from './page.ts';

/** The path of the form and its texts, each by its key in the catalogues. */
export interface RequestByEmail {
  readonly path: OwnPath;
  readonly title: string;
  readonly lead: string;
  readonly submit: string;
  /** After the form; has the argument `email`. */
  readonly sent: string;
  readonly hint: string;
}

export interface TypedEmail {
  readonly email: string;
  readonly complaint?: string | undefined;
  /** Above the form. */
  readonly notice?: Html;
}

export function emailFormPage(
  words: PageWords,
  { path, title, lead, submit }: RequestByEmail,
  status: number,
  { email, complaint, notice }: TypedEmail,
): PageResponse {
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
${button({ label: say(submit) })}`;
  const body = html`${notice}${postForm(path, content)}`;
  const beneath = html`<a href="${loginPath}">${say('page.login.back')}</a>`;
  return { kind: 'html', status, html: page({ words, title: say(title), lead: say(lead), body, beneath }) };
}

export function mailRequestedPage(words: PageWords, { path, sent, hint }: RequestByEmail, email: string): PageResponse {
  const { say } = words;
  const title = say('page.check_mail.title');
  const lead: Html = sayWith(words, sent, { email: html`<b><bdi>${email}</bdi></b>` });
  const body = note(say(hint));
  const beneath = html`${say('page.check_mail.wrong_address')} <a href="${path}">${say('page.check_mail.start_again')}</a>`;
  return { kind: 'html', status: 200, html: page({ words, title, lead, icon: 'mail', body, beneath }) };
}
