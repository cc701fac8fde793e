/** The page behind the link: one form, complete without JavaScript, in the reader's language. */
import type { OneTimeToken } from '#domain/one-time-tokens/index.ts';
import { passwordComplaint } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import { newPasswordField } from '#pages/new-password-field.ts';
import { page } from '#pages/page.ts';
import { postForm } from '#pages/post-form.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, PageResponse } from '#platform/http/index.ts';
import { type Catalogues, type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type ResetPassword, readLink, resetPassword } from './reset-password.ts';

/** What the page needs. */
type Pages = ResetPassword & { readonly catalogues: Catalogues };

interface Submitted {
  readonly token: string;
  readonly password: string;
}

/** Asks for a new password. Changes nothing, so that a mail scanner that opens links uses none. */
export async function showForm(flow: Pages, token: string, caller: Caller): Promise<PageResponse> {
  const link = await readLink(flow, token);
  const words = wordsFor(flow, link, caller);
  return link === undefined ? invalidLink(words) : answer(200, words, 'title', form(flow, words, token));
}

/** Sets the password, or shows the form again with what is wrong with it. */
export async function submitForm(flow: Pages, { token, password }: Submitted, caller: Caller): Promise<PageResponse> {
  const link = await readLink(flow, token);
  const words = wordsFor(flow, link, caller);
  if (link === undefined) return invalidLink(words);
  try {
    await resetPassword(flow, token, password, caller);
  } catch (error) {
    const complaint = passwordComplaint(error);
    if (complaint !== undefined) return answer(422, words, 'title', form(flow, words, token, complaint));
    if (error instanceof Problem && error.code === 'invalid_token') return invalidLink(words);
    throw error;
  }
  return answer(200, words, 'done_title', paragraph(words, 'done'));
}

function wordsFor(flow: Pages, link: OneTimeToken | undefined, caller: Caller): PageWords {
  return pageWords(flow.catalogues, link?.locale, ...wantedLanguages(caller.acceptLanguage));
}

function invalidLink(words: PageWords): PageResponse {
  const body = html`<p>${words.say('page.invalid_link.why')}</p>
${paragraph(words, 'dead_link_advice')}`;
  const title = words.say('page.invalid_link.title');
  return { kind: 'html', status: 400, html: page({ title, lang: words.lang, body }) };
}

function form(flow: Pages, words: PageWords, token: string, complaint?: string): Html {
  return html`${paragraph(words, 'intro')}
${postForm(
  '/reset-password',
  html`<input type="hidden" name="token" value="${token}">
${newPasswordField(flow.passwordRules, words, complaint)}
<button type="submit">${own(words, 'submit')}</button>`,
)}`;
}

function own(words: PageWords, part: string): string {
  return words.say(`page.reset_password.${part}`);
}

function paragraph(words: PageWords, part: string): Html {
  return html`<p>${own(words, part)}</p>`;
}

function answer(status: number, words: PageWords, title: string, body: Html): PageResponse {
  return { kind: 'html', status, html: page({ title: own(words, title), lang: words.lang, body }) };
}
