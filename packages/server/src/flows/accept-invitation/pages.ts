/** The page behind an invitation: one form, complete without JavaScript, in the reader's language. */
import type { LiveInvitation } from '#domain/invitations/index.ts';
import { passwordComplaint, passwordInput } from '#domain/passwords/index.ts';
import { nameInput } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import { type Html, html, newPasswordField, page, postForm } from '#platform/html/index.ts';
import type { Caller, PageAnswer } from '#platform/http/index.ts';
import { type PageWords, pageWords } from '#platform/i18n/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type Acceptance, type AcceptInvitation, acceptInvitation, readInvitation } from './accept-invitation.ts';

interface Submitted {
  readonly token: string;
  readonly name: string;
  readonly password: string;
}

interface Complaints {
  readonly name?: string;
  readonly password?: string;
}

/** Shows which address is invited and asks for the rest. Changes nothing. */
export async function showForm(flow: AcceptInvitation, token: string, caller: Caller): Promise<PageAnswer> {
  const invitation = await readInvitation(flow, token);
  const words = wordsFor(flow, invitation, caller);
  if (invitation === undefined) return deadLink(words);
  return answer(200, words, 'title', form(words, invitation, { token, name: '' }, {}));
}

/** Makes the account, or shows the form again with what is wrong. */
export async function submitForm(flow: AcceptInvitation, submitted: Submitted, caller: Caller): Promise<PageAnswer> {
  const invitation = await readInvitation(flow, submitted.token);
  const words = wordsFor(flow, invitation, caller);
  if (invitation === undefined) return deadLink(words);
  const name = nameInput.safeParse(submitted.name);
  const password = passwordInput.safeParse(submitted.password);
  if (!name.success || !password.success) {
    const complaints = {
      ...(name.success ? {} : { name: words.say('page.name.invalid') }),
      ...(password.success ? {} : { password: words.say(`page.password.${passwordComplaint(submitted.password)}`) }),
    };
    return answer(422, words, 'title', form(words, invitation, submitted, complaints));
  }
  const acceptance = { token: submitted.token, name: name.data, password: password.data, locale: undefined };
  return accept(flow, words, acceptance, caller);
}

async function accept(
  flow: AcceptInvitation,
  words: PageWords,
  acceptance: Acceptance,
  caller: Caller,
): Promise<PageAnswer> {
  try {
    await acceptInvitation(flow, acceptance, caller);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'invalid_token') return deadLink(words);
    if (error.code === 'registration_refused') return refused(words);
    throw error;
  }
  return answer(200, words, 'done_title', html`<p>${own(words, 'done')}</p>`);
}

function wordsFor(flow: AcceptInvitation, invitation: LiveInvitation | undefined, caller: Caller): PageWords {
  return pageWords(flow.catalogues, invitation?.locale, ...wantedLanguages(caller.acceptLanguage));
}

function deadLink(words: PageWords): PageAnswer {
  const body = html`<p>${own(words, 'dead_link_why')}</p>
<p>${own(words, 'dead_link_advice')}</p>`;
  return {
    kind: 'html',
    status: 400,
    html: page({ title: words.say('page.dead_link.title'), lang: words.lang, body }),
  };
}

function refused(words: PageWords): PageAnswer {
  return answer(403, words, 'refused_title', html`<p>${own(words, 'refused')}</p>`);
}

function form(
  words: PageWords,
  { asTyped }: LiveInvitation,
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
${newPasswordField(words.say('page.password.label'), complaints.password)}
<button type="submit">${own(words, 'accept')}</button>`,
)}`;
}

function own(words: PageWords, part: string): string {
  return words.say(`page.accept_invitation.${part}`);
}

function answer(status: number, words: PageWords, title: string, body: Html): PageAnswer {
  return { kind: 'html', status, html: page({ title: own(words, title), lang: words.lang, body }) };
}
