/** `/register`: the form for name, email and password. Every address leads on to `/check-mail` (invariant 13). */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { passwordInput } from '#domain/passwords/index.ts';
import { nameInput } from '#domain/users/index.ts';
import { Problem } from '#kernel/problem.ts';
import { refusedAddressPage } from '#pages/continue-page.ts';
import { button, field, hiddenField, or, postForm, stack } from '#pages/form.ts';
import { sayWith } from '#pages/message-parts.ts';
import { lengthComplaint, newPasswordField } from '#pages/new-password-field.ts';
import { alert, refusal } from '#pages/notice.ts';
import { loginPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { type OfferedProviders, providerButtons } from '#pages/provider-buttons.ts';
import { continueField, type ReturnAddress, type ReturnAddresses } from '#pages/return-address.ts';
import { checkMailPath, registerPath } from '#pages/sign-up-paths.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html, joinHtml } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { wantedLanguages } from '#protocol/accept-language/index.ts';
import { type Register, register } from './register.ts';

/** Dependencies of the page. */
export type RegisterPages = Register & {
  readonly catalogues: Catalogues;
  readonly returnAddresses: ReturnAddresses;
  readonly identityProviders: OfferedProviders;
};

const fields = z.strictObject({
  name: z.string().max(1000),
  email: z.string().max(1000),
  password: passwordInput,
  continue: continueField,
});

type Typed = z.output<typeof fields>;

export function registerPages(flow: RegisterPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'register.show',
      method: 'GET',
      path: registerPath,
      summary: 'Sign-up page: name, email and password',
      auth: { principals: ['public'] },
      rateLimit: 'pages',
      request: { query: z.strictObject({ continue: continueField }) },
      problems: ['registration_closed'],
      handler: async ({ query, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        const continueTo = flow.returnAddresses.readOptional(query.continue);
        if (continueTo === 'refused') return refusedAddressPage(flow, words, query.continue ?? '');
        if (flow.mode !== 'open') return closedPage(words, flow.mode);
        return formPage(flow, words, 200, { name: '', email: '', continueTo });
      },
    }),
    pageEndpoint({
      id: 'register.submit',
      method: 'POST',
      path: registerPath,
      summary: 'Its form: creates the account and mails its link and code',
      auth: { principals: ['public'] },
      rateLimit: 'mail',
      countsUse: true,
      request: { form: fields },
      problems: ['registration_closed', 'email_domain_not_allowed', 'registration_refused', 'busy'],
      handler: ({ body, caller, use }) => submit(flow, body, caller, use),
      refused: ({ body: { name, email, continue: text }, caller, problem }) => {
        if (flow.mode !== 'open') return undefined;
        const words = wordsOf(flow.catalogues, caller);
        const continueTo = flow.returnAddresses.readOptional(text);
        if (continueTo === 'refused') return refusedAddressPage(flow, words, text ?? '');
        return formPage(flow, words, 200, { name, email, continueTo, notice: refusal(words, problem) });
      },
    }),
  ];
}

/** The sentence of each field, by its name. */
type Complaints = Readonly<Partial<Record<'name' | 'email' | 'password', string | undefined>>>;

/** The typed values, and the sentences about them. */
interface Form {
  readonly name: string;
  readonly email: string;
  readonly continueTo: ReturnAddress | undefined;
  readonly notice?: Html | undefined;
  readonly complaints?: Complaints;
}

async function submit(
  flow: RegisterPages,
  typed: Typed,
  caller: Caller,
  quota: QuotaReservation,
): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const { name, email, password } = typed;
  const continueTo = flow.returnAddresses.readOptional(typed.continue);
  if (continueTo === 'refused') {
    quota.skip();
    return refusedAddressPage(flow, words, typed.continue ?? '');
  }
  const form = { name, email, continueTo };
  const [address, displayName] = [emailInput.safeParse(email), nameInput.safeParse(name)];
  if (!address.success || !displayName.success) {
    quota.skip();
    const { say } = words;
    const complaints = {
      name: displayName.success ? undefined : say('page.name.invalid'),
      email: address.success ? undefined : say('page.login.email_missing'),
      password: lengthComplaint(flow.passwordRules, words, password),
    };
    return flow.mode === 'open' ? formPage(flow, words, 422, { ...form, complaints }) : closedPage(words, flow.mode);
  }
  const { browserHash, acceptLanguage } = caller;
  const languages = [words.lang, ...wantedLanguages(acceptLanguage)];
  const signUp = { transport: 'cookie', browserHash, continueTo: continueTo?.text } as const;
  const registration = {
    email: address.data,
    name: displayName.data,
    password,
    locale: words.lang,
    languages,
    quota,
    signUp,
  };
  try {
    const { text: value, expiresAt } = await register(flow, registration, caller);
    const ticket = { cookie: 'ticket', change: { value, expiresAt } } as const;
    return { kind: 'redirect', location: checkMailPath, cookies: [ticket] };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // A refusal that comes before the count leaves nothing to count.
    quota.skip();
    return refused(flow, words, form, error);
  }
}

/** The form again with what was typed, except the password. */
function refused(flow: RegisterPages, words: PageWords, form: Form, problem: Problem): PageResponse {
  const { code, status } = problem;
  if (code === 'registration_closed') return closedPage(words, flow.mode);
  const again = (more: Partial<Form>) => formPage(flow, words, status, { ...form, ...more });
  if (code === 'email_domain_not_allowed') return again({ complaints: { email: words.say('page.register.domain') } });
  if (code === 'validation_failed') {
    return again({ complaints: { password: problem.errors.map(({ message }) => message).join(' ') } });
  }
  if (code !== 'registration_refused') throw problem;
  return again({ notice: alert(words.say('page.register.refused')) });
}

function formPage(flow: RegisterPages, words: PageWords, status: number, form: Form) {
  const { say } = words;
  const { name, email, notice, complaints = {} } = form;
  const content = joinHtml([
    html`${form.continueTo !== undefined && hiddenField('continue', form.continueTo.text)}`,
    field({
      name: 'name',
      label: say('page.name.label'),
      type: 'text',
      autocomplete: 'name',
      value: name,
      maxLength: 200,
      hasFocus: firstOf(complaints) === undefined || complaints.name !== undefined,
      complaint: complaints.name,
    }),
    field({
      name: 'email',
      label: say('page.email.label'),
      type: 'email',
      autocomplete: 'username',
      value: email,
      isVerbatim: true,
      hasFocus: firstOf(complaints) === 'email',
      complaint: complaints.email,
    }),
    newPasswordField(flow.passwordRules, words, {
      label: 'first',
      complaint: complaints.password,
      hasFocus: firstOf(complaints) === 'password',
    }),
    button({ label: say('page.register.submit') }),
    terms(words),
  ]);
  const providers = providerButtons(words, flow.identityProviders, { continue: form.continueTo?.text });
  const ways = providers.length > 0 && html`${or(say('page.login.or'))}${stack(...providers)}`;
  const beneath = html`${say('page.register.have_account')} <a href="${withContinue(loginPath, form.continueTo?.text)}">${say('page.login.title')}</a>`;
  return {
    kind: 'html',
    status,
    html: page({
      words,
      title: say('page.register.title'),
      lead: say('page.register.lead'),
      body: html`${notice}${postForm(registerPath, content)}${ways}`,
      beneath,
    }),
  } as const;
}

/** Only the first wrong field gets the focus. */
function firstOf(complaints: Complaints): keyof Complaints | undefined {
  return (['name', 'email', 'password'] as const).find((name) => complaints[name] !== undefined);
}

/** Empty unless the operator links both terms and a privacy policy. */
function terms(words: PageWords): Html {
  const urlOf = (kind: string) => words.brand.links.find((link) => link.kind === kind)?.url;
  const [termsUrl, privacyUrl] = [urlOf('terms'), urlOf('privacy')];
  if (termsUrl === undefined || privacyUrl === undefined) return html``;
  const link = (url: string, key: string) => html`<a href="${url}">${words.say(key)}</a>`;
  const sentence = sayWith(words, 'page.register.terms', {
    terms: link(termsUrl, 'page.register.terms_link'),
    privacy: link(privacyUrl, 'page.register.privacy_link'),
  });
  return html`<p class="small soft">${sentence}</p>`;
}

/** The same status for both, as the API returns for a registration. */
function closedPage(words: PageWords, mode: 'open' | 'invite' | 'closed'): PageResponse {
  const { say } = words;
  const key = mode === 'invite' ? 'page.register.invite' : 'page.register.closed';
  const beneath = html`${say('page.register.have_account')} <a href="${loginPath}">${say('page.login.title')}</a>`;
  const { status } = new Problem('registration_closed');
  const body = html``;
  return {
    kind: 'html',
    status,
    html: page({ words, title: say(`${key}_title`), lead: say(key), icon: 'mail', body, beneath }),
  };
}
