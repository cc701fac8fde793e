/** The page behind the keep link: one form with one button, complete without JavaScript, in the reader's language. */
import { findActive } from '#domain/one-time-tokens/index.ts';
import { Problem } from '#kernel/problem.ts';
import { page } from '#pages/page.ts';
import { postForm } from '#pages/post-form.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, PageResponse } from '#platform/http/index.ts';
import { type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type Authorization, type CancelDeletion, cancelDeletion } from './cancel-deletion.ts';

/** Says until when the account can be kept, and asks. Changes nothing. */
export async function showForm(flow: CancelDeletion, token: string, caller: Caller): Promise<PageResponse> {
  const link = await findActive(flow.database, 'cancel_deletion', token, flow.clock.now());
  const words = wordsFor(flow, link?.locale, caller);
  if (link === undefined) return invalidLink(words);
  const body = html`<p>${words.say('page.cancel_deletion.question', { until: link.expiresAt })}</p>
${postForm(
  '/cancel-deletion',
  html`<input type="hidden" name="token" value="${token}">
<button type="submit">${words.say('page.cancel_deletion.confirm')}</button>`,
)}`;
  return answer(200, words, 'page.cancel_deletion.title', body);
}

/** What the button does. */
export async function pressForm(
  flow: CancelDeletion,
  authorization: Authorization,
  caller: Caller,
): Promise<PageResponse> {
  const link = await findActive(flow.database, 'cancel_deletion', authorization.text, flow.clock.now());
  const words = wordsFor(flow, link?.locale, caller);
  try {
    await cancelDeletion(flow, authorization, caller);
  } catch (error) {
    if (error instanceof Problem && (error.code === 'invalid_token' || error.code === 'invalid_ticket')) {
      return invalidLink(words);
    }
    throw error;
  }
  return answer(200, words, 'page.cancel_deletion.done_title', paragraph(words, 'page.cancel_deletion.done'));
}

/** The user's own language, else the browser's. */
function wordsFor(flow: CancelDeletion, locale: string | undefined, caller: Caller): PageWords {
  return pageWords(flow.catalogues, locale, ...wantedLanguages(caller.acceptLanguage));
}

function invalidLink(words: PageWords): PageResponse {
  return answer(400, words, 'page.invalid_link.title', paragraph(words, 'page.cancel_deletion.invalid_link'));
}

function paragraph(words: PageWords, key: string): Html {
  return html`<p>${words.say(key)}</p>`;
}

function answer(status: number, words: PageWords, title: string, body: Html): PageResponse {
  return { kind: 'html', status, html: page({ title: words.say(title), lang: words.lang, body }) };
}
