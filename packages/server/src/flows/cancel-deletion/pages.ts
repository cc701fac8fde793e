/** The page behind the keep link: one form with one button, complete without JavaScript, in the reader's language. */
import { findLive } from '#domain/one-time-tokens/index.ts';
import { Problem } from '#kernel/problem.ts';
import { type Html, html, page, postForm } from '#platform/html/index.ts';
import type { Caller, PageAnswer } from '#platform/http/index.ts';
import { type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type KeepAccount, keepAccount, type Proof } from './cancel-deletion.ts';

/** Says until when the account can be kept, and asks. Changes nothing. */
export async function showForm(flow: KeepAccount, token: string, caller: Caller): Promise<PageAnswer> {
  const link = await findLive(flow.database, 'keep_account', token, flow.clock.now());
  const words = wordsFor(flow, link?.locale, caller);
  if (link === undefined) return deadLink(words);
  const body = html`<p>${words.say('page.keep_account.question', { until: link.expiresAt })}</p>
${postForm(
  '/keep-account',
  html`<input type="hidden" name="token" value="${token}">
<button type="submit">${words.say('page.keep_account.confirm')}</button>`,
)}`;
  return answer(200, words, 'page.keep_account.title', body);
}

/** What the button does. */
export async function pressForm(flow: KeepAccount, proof: Proof, caller: Caller): Promise<PageAnswer> {
  const link = await findLive(flow.database, 'keep_account', proof.text, flow.clock.now());
  const words = wordsFor(flow, link?.locale, caller);
  try {
    await keepAccount(flow, proof, caller);
  } catch (error) {
    if (error instanceof Problem && (error.code === 'invalid_token' || error.code === 'invalid_ticket')) {
      return deadLink(words);
    }
    throw error;
  }
  return answer(200, words, 'page.keep_account.done_title', paragraph(words, 'page.keep_account.done'));
}

/** The user's own language, else the browser's. */
function wordsFor(flow: KeepAccount, locale: string | undefined, caller: Caller): PageWords {
  return pageWords(flow.catalogues, locale, ...wantedLanguages(caller.acceptLanguage));
}

function deadLink(words: PageWords): PageAnswer {
  return answer(400, words, 'page.dead_link.title', paragraph(words, 'page.keep_account.dead_link'));
}

function paragraph(words: PageWords, key: string): Html {
  return html`<p>${words.say(key)}</p>`;
}

function answer(status: number, words: PageWords, title: string, body: Html): PageAnswer {
  return { kind: 'html', status, html: page({ title: words.say(title), lang: words.lang, body }) };
}
