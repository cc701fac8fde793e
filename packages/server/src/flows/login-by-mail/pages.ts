/** The page behind a login link: one button, complete without JavaScript, in the reader's language. */
import type { LoginResult } from '#domain/authentication/index.ts';
import { Problem } from '#kernel/problem.ts';
import { sessionCookies } from '#pages/login-result.ts';
import { page } from '#pages/page.ts';
import { postForm } from '#pages/post-form.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, CookieChange, PageResponse } from '#platform/http/index.ts';
import { type Catalogues, type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { findLink, type PressLink, pressLink } from './press-link.ts';

/** What the page needs. */
export type LinkPages = PressLink & { readonly catalogues: Catalogues };

/** Asks whether to log in, or says why this browser cannot. Changes nothing, so that a mail scanner uses no link. */
export async function showForm(flow: LinkPages, token: string, caller: Caller): Promise<PageResponse> {
  const found = await findLink(flow, token, caller.loginCookie);
  const words = wordsFor(flow, found.kind === 'invalid' ? undefined : found.link.locale, caller);
  if (found.kind === 'invalid') return invalidLink(words);
  if (found.kind === 'other_browser') return otherBrowser(words);
  const body = html`${paragraph(words, 'question')}
${postForm(
  '/login/magic-link',
  html`<input type="hidden" name="token" value="${token}">
<button type="submit">${own(words, 'confirm')}</button>`,
)}`;
  return answer(200, words, 'title', body);
}

/** What the button does: the session is this browser's, by cookie. */
export async function pressForm(flow: LinkPages, text: string, caller: Caller): Promise<PageResponse> {
  const found = await findLink(flow, text, caller.loginCookie);
  const words = wordsFor(flow, found.kind === 'invalid' ? undefined : found.link.locale, caller);
  try {
    const { loginCookie: browserSecret, deviceCookie: deviceToken } = caller;
    const pressed = { text, browserSecret, transport: 'cookie', deviceToken } as const;
    return entered(words, await pressLink(flow, pressed, caller));
  } catch (error) {
    if (error instanceof Problem && error.code === 'invalid_token') return invalidLink(words);
    if (error instanceof Problem && error.code === 'other_browser') return otherBrowser(words);
    throw error;
  }
}

const forgotten: CookieChange = { cookie: 'login', change: 'expire' };

function entered(words: PageWords, loggedIn: LoginResult): PageResponse {
  if (loggedIn.kind === 'done') {
    const cookies = [...sessionCookies(loggedIn.issued), forgotten];
    return { ...answer(200, words, 'done_title', paragraph(words, 'done')), cookies };
  }
  const body = html`${paragraph(words, 'pending_deletion')}
${postForm(
  '/cancel-deletion',
  html`<input type="hidden" name="ticket" value="${loggedIn.ticket.text}">
<button type="submit">${words.say('page.cancel_deletion.confirm')}</button>`,
)}`;
  const title = words.say('page.cancel_deletion.title');
  return { kind: 'html', status: 200, html: page({ title, lang: words.lang, body }), cookies: [forgotten] };
}

/** The user's own language, else the browser's. */
function wordsFor(flow: LinkPages, locale: string | undefined, caller: Caller): PageWords {
  return pageWords(flow.catalogues, locale, ...wantedLanguages(caller.acceptLanguage));
}

function invalidLink(words: PageWords): PageResponse {
  const body = html`<p>${words.say('page.invalid_link.why')}</p>
${paragraph(words, 'dead_link_advice')}`;
  const title = words.say('page.invalid_link.title');
  return { kind: 'html', status: 400, html: page({ title, lang: words.lang, body }) };
}

function otherBrowser(words: PageWords): PageResponse {
  return answer(403, words, 'other_browser_title', paragraph(words, 'other_browser'));
}

function own(words: PageWords, part: string): string {
  return words.say(`page.magic_link.${part}`);
}

function paragraph(words: PageWords, part: string): Html {
  return html`<p>${own(words, part)}</p>`;
}

function answer(status: number, words: PageWords, title: string, body: Html) {
  return { kind: 'html', status, html: page({ title: own(words, title), lang: words.lang, body }) } as const;
}
