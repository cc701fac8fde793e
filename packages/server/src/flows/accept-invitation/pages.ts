/** The page behind an invitation: one form, complete without JavaScript, in the reader's language. */
import type { ActiveInvitation } from '#domain/invitations/index.ts';
import { passwordComplaint } from '#domain/passwords/index.ts';
import { nameInput } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import { lengthComplaint, newPasswordField } from '#pages/new-password-field.ts';
import { page } from '#pages/page.ts';
import { postForm } from '#pages/post-form.ts';
import { type Html, html } from '#platform/html/index.ts';
import type { Caller, PageResponse } from '#platform/http/index.ts';
import { type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type Acceptance, type AcceptInvitation, acceptInvitation, readInvitation } from './accept-invitation.ts';

interface Submitted {
  readonly token: string;
  readonly name: string;
  readonly password: string;
}

interface Complaints {
  readonly name?: string | undefined;
  readonly password?: string | undefined;
}

/** A live invitation and its reader's words. */
interface Reading {
  readonly invitation: ActiveInvitation;
  readonly words: PageWords;
}

/** Shows which address is invited and asks for the rest. Changes nothing. */
export async function showForm(flow: AcceptInvitation, token: string, caller: Caller): Promise<PageResponse> {
  const invitation = await readInvitation(flow, token);
  const words = wordsFor(flow, invitation, caller);
  if (invitation === undefined) return invalidLink(words);
  return answer(200, words, 'title', form(flow, { invitation, words }, { token, name: '' }, {}));
}

/** Makes the account, or shows the form again with what is wrong. */
export async function submitForm(flow: AcceptInvitation, submitted: Submitted, caller: Caller): Promise<PageResponse> {
  const invitation = await readInvitation(flow, submitted.token);
  const words = wordsFor(flow, invitation, caller);
  if (invitation === undefined) return invalidLink(words);
  const name = nameInput.safeParse(submitted.name);
  const reading = { invitation, words };
  if (name.success) return accept(flow, reading, { ...submitted, name: name.data, locale: undefined }, caller);
  const password = lengthComplaint(flow.passwordRules, words, submitted.password);
  const complaints = { name: words.say('page.name.invalid'), password };
  return answer(422, words, 'title', form(flow, reading, submitted, complaints));
}

async function accept(
  flow: AcceptInvitation,
  reading: Reading,
  acceptance: Acceptance,
  caller: Caller,
): Promise<PageResponse> {
  const { words } = reading;
  try {
    await acceptInvitation(flow, acceptance, caller);
  } catch (error) {
    const password = passwordComplaint(error);
    if (password !== undefined) return answer(422, words, 'title', form(flow, reading, acceptance, { password }));
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'invalid_token') return invalidLink(words);
    if (error.code === 'registration_refused') return refused(words);
    throw error;
  }
  return answer(200, words, 'done_title', html`<p>${own(words, 'done')}</p>`);
}

function wordsFor(flow: AcceptInvitation, invitation: ActiveInvitation | undefined, caller: Caller): PageWords {
  return pageWords(flow.catalogues, invitation?.locale, ...wantedLanguages(caller.acceptLanguage));
}

function invalidLink(words: PageWords): PageResponse {
  const body = html`<p>${own(words, 'dead_link_why')}</p>
<p>${own(words, 'dead_link_advice')}</p>`;
  return {
    kind: 'html',
    status: 400,
    html: page({ title: words.say('page.invalid_link.title'), lang: words.lang, body }),
  };
}

function refused(words: PageWords): PageResponse {
  return answer(403, words, 'refused_title', html`<p>${own(words, 'refused')}</p>`);
}

function form(
  flow: AcceptInvitation,
  { invitation: { asTyped }, words }: Reading,
  { token, name }: Omit<Submitted, 'password'>,
  complaints: Complaints,
): Html {
  return html`<p>${own(words, 'intro')}</p>
${postForm(
  '/accept-invitation',
  html`<input type="hidden" name="token" value="${token}">
<p><label for="email">${words.say('page.email.label')}</label>
<input id="email" type="email" value="${asTyped}" autocomplete="username" readonly></p>
<p><label for="name">${words.say('page.name.label')}</label>
<input id="name" name="name" value="${name}" autocomplete="name" maxlength="200" required
  aria-describedby="name-complaint"${complaints.name !== undefined && html` aria-invalid="true"`}>
<span id="name-complaint" class="wrong" role="alert">${complaints.name}</span></p>
${newPasswordField(flow.passwordRules, words, complaints.password)}
<button type="submit">${own(words, 'accept')}</button>`,
)}`;
}

function own(words: PageWords, part: string): string {
  return words.say(`page.accept_invitation.${part}`);
}

function answer(status: number, words: PageWords, title: string, body: Html): PageResponse {
  return { kind: 'html', status, html: page({ title: own(words, title), lang: words.lang, body }) };
}
