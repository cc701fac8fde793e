/** The pages behind the two links: a form each, complete without JavaScript, in the reader's language. */
import { passwordComplaint } from '#domain/passwords/index.ts';
import { Problem } from '#kernel/problem.ts';
import { newPasswordField } from '#pages/new-password-field.ts';
import { page } from '#pages/page.ts';
import { postForm } from '#pages/post-form.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, PageResponse } from '#platform/http/index.ts';
import { type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import type { ChangeEmail } from './change-email.ts';
import { type Confirmation, confirmChange, findMissing, readConfirmLink } from './confirm.ts';
import { readUndoLink, undoChange } from './undo.ts';

/** Shows the new address and asks. Changes nothing. */
export async function showConfirm(flow: ChangeEmail, token: string, caller: Caller): Promise<PageResponse> {
  const link = await readConfirmLink(flow, token);
  const words = wordsFor(flow, link?.token.locale, caller);
  if (link === undefined) return invalidLink(words);
  const question = words.say('page.confirm_email_change.question', { email: link.newAddress.asTyped });
  const missing = await findMissing(flow, link);
  const both = missing === undefined ? null : paragraph(words, `page.confirm_email_change.also_${missing}`);
  const body = html`<p>${question}</p>
${both}
${postForm(
  '/confirm-email-change',
  html`<input type="hidden" name="token" value="${token}">
<button type="submit">${words.say('page.confirm_email_change.confirm')}</button>`,
)}`;
  return answer(200, words, 'page.confirm_email_change.title', body);
}

/** What its button does. */
export async function pressConfirm(flow: ChangeEmail, token: string, caller: Caller): Promise<PageResponse> {
  const link = await readConfirmLink(flow, token);
  const words = wordsFor(flow, link?.token.locale, caller);
  let confirmed: Confirmation;
  try {
    confirmed = await confirmChange(flow, token, caller);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'invalid_token') return invalidLink(words);
    if (error.code !== 'email_unavailable') throw error;
    const body = paragraph(words, 'page.confirm_email_change.unavailable');
    return answer(error.status, words, 'page.confirm_email_change.unavailable_title', body);
  }
  if (confirmed.kind === 'waiting') {
    const body = paragraph(words, `page.confirm_email_change.also_${confirmed.waitingFor}`);
    return answer(200, words, 'page.confirm_email_change.waiting_title', body);
  }
  const done = paragraph(words, 'page.confirm_email_change.done');
  return answer(200, words, 'page.confirm_email_change.done_title', done);
}

/** Asks for the new password. Changes nothing. */
export async function showUndo(flow: ChangeEmail, token: string, caller: Caller): Promise<PageResponse> {
  const link = await readUndoLink(flow, token);
  const words = wordsFor(flow, link?.locale, caller);
  return link === undefined ? invalidLink(words) : answer(200, words, undoTitle, undoForm(flow, words, token));
}

/** What its button does. */
export async function pressUndo(
  flow: ChangeEmail,
  { token, password: typed = '' }: { readonly token: string; readonly password?: string | undefined },
  caller: Caller,
): Promise<PageResponse> {
  const link = await readUndoLink(flow, token);
  const words = wordsFor(flow, link?.locale, caller);
  if (link === undefined) return invalidLink(words);
  try {
    await undoChange(flow, token, typed, caller);
  } catch (error) {
    const complaint = passwordComplaint(error);
    if (complaint !== undefined) return answer(422, words, undoTitle, undoForm(flow, words, token, complaint));
    if (error instanceof Problem && error.code === 'invalid_token') return invalidLink(words);
    throw error;
  }
  return answer(200, words, 'page.undo_email_change.done_title', paragraph(words, 'page.undo_email_change.done'));
}

const undoTitle = 'page.undo_email_change.title';

function undoForm(flow: ChangeEmail, words: PageWords, token: string, complaint?: string): Html {
  return html`${paragraph(words, 'page.undo_email_change.question')}
${postForm(
  '/undo-email-change',
  html`<input type="hidden" name="token" value="${token}">
${newPasswordField(flow.passwordRules, words, complaint)}
<button type="submit">${words.say('page.undo_email_change.confirm')}</button>`,
)}`;
}

function wordsFor(flow: ChangeEmail, locale: string | undefined, caller: Caller): PageWords {
  return pageWords(flow.catalogues, locale, ...wantedLanguages(caller.acceptLanguage));
}

function invalidLink(words: PageWords): PageResponse {
  return answer(400, words, 'page.invalid_link.title', paragraph(words, 'page.invalid_link.why'));
}

function paragraph(words: PageWords, key: string): Html {
  return html`<p>${words.say(key)}</p>`;
}

function answer(status: number, words: PageWords, titleKey: string, body: Html): PageResponse {
  return { kind: 'html', status, html: page({ title: words.say(titleKey), lang: words.lang, body }) };
}
