/** The page behind the link: one form with two buttons, complete without JavaScript, in the reader's language. */
import { passwordComplaint } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import { newPasswordField } from '#pages/new-password-field.ts';
import { page } from '#pages/page.ts';
import { postForm } from '#pages/post-form.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, PageResponse } from '#platform/http/index.ts';
import { type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { disownRegistration, type Link, readLink, type VerifyEmail, verifyEmail } from './verify-email.ts';

interface Pressed {
  readonly token: string;
  readonly choice: 'verify' | 'disown';
  readonly password?: string | undefined;
}

/** Shows when the registration was made and asks whether it was them. Changes nothing. */
export async function showForm(flow: VerifyEmail, token: string, caller: Caller): Promise<PageResponse> {
  const link = await readLink(flow, token);
  const words = wordsFor(flow, link, caller);
  return link === undefined ? invalidLink(words) : answer(200, words, 'title', form(flow, words, token, link));
}

/** What a button does. */
export async function pressForm(flow: VerifyEmail, pressed: Pressed, caller: Caller): Promise<PageResponse> {
  const link = await readLink(flow, pressed.token);
  const words = wordsFor(flow, link, caller);
  if (link === undefined) return invalidLink(words);
  if (pressed.choice === 'disown') {
    const disowned = await disownRegistration(flow, pressed.token, caller);
    return disowned ? answer(200, words, 'disowned_title', paragraph(words, 'disowned')) : invalidLink(words);
  }
  const password = link.registration === undefined ? (pressed.password ?? '') : undefined;
  return press(flow, words, { link, token: pressed.token, password }, caller);
}

async function press(
  flow: VerifyEmail,
  words: PageWords,
  { link, token, password }: { readonly link: Link; readonly token: string; readonly password: string | undefined },
  caller: Caller,
): Promise<PageResponse> {
  try {
    await verifyEmail(flow, token, password, caller);
  } catch (error) {
    const complaint = passwordComplaint(error);
    if (complaint !== undefined) return answer(422, words, 'title', form(flow, words, token, link, complaint));
    if (error instanceof Problem && error.code === 'invalid_token') return invalidLink(words);
    throw error;
  }
  return answer(200, words, 'done_title', paragraph(words, 'done'));
}

/** The language of this registration, else of the browser. */
function wordsFor(flow: VerifyEmail, link: Link | undefined, caller: Caller): PageWords {
  const own = link?.registration?.locale ?? link?.token.locale;
  return pageWords(flow.catalogues, own, ...wantedLanguages(caller.acceptLanguage));
}

function invalidLink(words: PageWords): PageResponse {
  const body = html`<p>${words.say('page.invalid_link.why')}</p>
${paragraph(words, 'dead_link_advice')}`;
  return {
    kind: 'html',
    status: 400,
    html: page({ title: words.say('page.invalid_link.title'), lang: words.lang, body }),
  };
}

function form(flow: VerifyEmail, words: PageWords, token: string, link: Link, complaint?: string): Html {
  return html`<p>${explanation(words, link)}</p>
${postForm(
  '/verify-email',
  html`<input type="hidden" name="token" value="${token}">
${link.registration === undefined && newPasswordField(flow.passwordRules, words, complaint)}
<button type="submit" name="choice" value="verify">${own(words, 'confirm')}</button>
<button type="submit" name="choice" value="disown" class="secondary" formnovalidate>${own(words, 'disown')}</button>`,
)}`;
}

function explanation(words: PageWords, { registration }: Link): string {
  if (registration === undefined) return own(words, 'contested');
  const { name, registeredAt } = registration;
  return words.say('page.verify_email.question', { name, at: new Date(registeredAt) });
}

function own(words: PageWords, part: string): string {
  return words.say(`page.verify_email.${part}`);
}

function paragraph(words: PageWords, part: string): Html {
  return html`<p>${own(words, part)}</p>`;
}

function answer(status: number, words: PageWords, title: string, body: Html): PageResponse {
  return { kind: 'html', status, html: page({ title: own(words, title), lang: words.lang, body }) };
}
