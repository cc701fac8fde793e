/** `/login`: the form for email and password, which also requests a mailed link. */

import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import type { PasskeySettings } from '#domain/passkeys/index.ts';
import { acceptsPasskeys } from '#domain/passkeys/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { button, field, hiddenField, or, postForm } from '#pages/form.ts';
import { loginRedirect } from '#pages/login-step.ts';
import { alert, status, waitText } from '#pages/notice.ts';
import { accountPath, forgotPasswordPath, loginPath, type OwnPath, toOwnPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { passkeyForm } from '#pages/passkey-form.ts';
import { passkeyScriptPath } from '#pages/scripts.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html, joinHtml } from '#platform/html/index.ts';
import {
  type Caller,
  type CookieChange,
  type Endpoint,
  type PageResponse,
  type Principal,
  pageEndpoint,
} from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { type Login, login } from './login.ts';

/** A login link as this page offers it. The flow of logins by mail provides it. */
export interface MailedLink {
  /** Whether settings enable it. */
  readonly isEnabled: () => boolean;
  /** Enqueues the mail, and returns the cookie that binds the link to the browser. Throws `not_enabled`. */
  readonly request: (canonical: string, caller: Caller) => Promise<readonly CookieChange[]>;
}

/** Dependencies of the page. */
export type LoginPages = Login & {
  readonly catalogues: Catalogues;
  readonly mailedLink: MailedLink;
  readonly passkeys: PasskeySettings;
};

/** The act that led here, which the page confirms. */
const done = z.enum(['signed_out']);

const fields = z.strictObject({
  email: z.string().max(1000),
  password: z.string().max(1024).default(''),
  act: z.literal('magic_link').optional(),
  continue: z.string().max(2000).optional(),
});

type Typed = z.output<typeof fields>;

export function loginPages(flow: LoginPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'login.show',
      method: 'GET',
      path: loginPath,
      summary: 'Sign-in page: email and password, or a mailed link',
      auth: { principals: ['public', 'session'] },
      rateLimit: 'pages',
      callsApi: true,
      request: { query: z.strictObject({ continue: z.string().max(2000).optional(), done: done.optional() }) },
      problems: [],
      handler: async ({ query, principal, caller }) => show(flow, query, principal, caller),
    }),
    pageEndpoint({
      id: 'login.submit',
      method: 'POST',
      path: loginPath,
      summary: 'Submit its form: signs this browser in, or mails a link',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      limitedBy: ({ email }) => canonicalOf(email),
      limitedAs: ({ act }) => (act === undefined ? 'credential' : 'mail'),
      countsUse: true,
      callsApi: true,
      request: { form: fields },
      problems: ['invalid_credentials', 'email_not_verified', 'account_disabled', 'not_enabled'],
      handler: ({ body, caller, use }) => submit(flow, body, caller, use),
    }),
  ];
}

interface Complaints {
  readonly email: string | undefined;
  readonly password: string | undefined;
}

/** The typed values, and the sentences about them. */
interface Form {
  readonly email: string;
  readonly continueTo: OwnPath | undefined;
  readonly notice?: Html | undefined;
  readonly complaints?: Complaints;
}

function show(
  flow: LoginPages,
  query: { readonly continue?: string | undefined; readonly done?: 'signed_out' | undefined },
  principal: Principal | undefined,
  caller: Caller,
): PageResponse {
  const words = wordsOf(flow.catalogues, caller);
  const continueTo = continueOf(query.continue);
  if (continueTo === 'refused') return refusedAddress(words);
  if (principal !== undefined) return signedIn(words, principal, continueTo);
  const notice = query.done && status(words.say(`page.login.${query.done}`));
  return formPage(flow, words, 200, { email: '', continueTo, notice });
}

async function submit(flow: LoginPages, typed: Typed, caller: Caller, quota: QuotaReservation): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const continueTo = continueOf(typed.continue);
  if (continueTo === 'refused') {
    quota.skip();
    return refusedAddress(words);
  }
  const { email, password, act } = typed;
  const canonical = canonicalOf(email);
  if (canonical === undefined || (act === undefined && password === '')) {
    quota.skip();
    return formPage(flow, words, 422, { email, continueTo, complaints: complaintsOf(words, canonical, act) });
  }
  if (act === 'magic_link') return mailLink(flow, words, canonical, caller);
  try {
    const { deviceCookie: deviceToken, browserHash } = caller;
    const attempt = { canonical, password, transport: 'cookie', deviceToken, quota, browserHash, continueTo } as const;
    return loginRedirect(await login(flow, attempt, caller));
  } catch (error) {
    const notice = error instanceof Problem ? noticeOf(words, error) : undefined;
    if (!(error instanceof Problem) || notice === undefined) throw error;
    const { retryAfterSeconds } = error;
    return { ...formPage(flow, words, error.status, { email, continueTo, notice }), retryAfterSeconds };
  }
}

/** The refusals that the form explains; any other one is a problem page. */
const refusals: Partial<Readonly<Record<ProblemCode, string>>> = {
  invalid_credentials: 'page.login.wrong',
  account_disabled: 'page.login.disabled',
  email_not_verified: 'page.login.not_verified',
  busy: 'page.login.busy',
};

function noticeOf(words: PageWords, { code, retryAfterSeconds }: Problem): Html | undefined {
  if (code === 'too_many_requests') return alert(waitText(words, retryAfterSeconds));
  const key = refusals[code];
  return key === undefined ? undefined : alert(words.say(key));
}

function complaintsOf({ say }: PageWords, canonical: string | undefined, act: Typed['act']): Complaints {
  return {
    email: canonical === undefined ? say('page.login.email_missing') : undefined,
    password: act === undefined ? say('page.login.password_missing') : undefined,
  };
}

/** The same page whether or not the address has an account (invariant 13). */
async function mailLink(
  { mailedLink }: LoginPages,
  words: PageWords,
  canonical: string,
  caller: Caller,
): Promise<PageResponse> {
  const { say } = words;
  const cookies = await mailedLink.request(canonical, caller);
  const body = html`<p>${say('page.login.link_sent', { email: canonical })}</p>
<p class="soft">${say('page.login.link_hint')}</p>
<p><a href="${loginPath}">${say('page.login.back')}</a></p>`;
  const title = say('page.login.link_sent_title');
  return { kind: 'html', status: 200, html: page({ title, words, body }), cookies };
}

function formPage({ mailedLink, passkeys }: LoginPages, words: PageWords, statusCode: number, form: Form) {
  const { say } = words;
  const { email, continueTo, notice, complaints } = form;
  const hasPasskeys = acceptsPasskeys(passkeys);
  const content = joinHtml([
    html`${continueTo !== undefined && hiddenField('continue', continueTo)}`,
    field({
      name: 'email',
      label: say('page.email.label'),
      type: 'email',
      autocomplete: hasPasskeys ? 'username webauthn' : 'username',
      value: email,
      isVerbatim: true,
      hasFocus: email === '' || complaints?.email !== undefined,
      complaint: complaints?.email,
    }),
    field({
      name: 'password',
      label: say('page.login.password'),
      type: 'password',
      autocomplete: 'current-password',
      hasFocus: email !== '' && complaints?.email === undefined,
      complaint: complaints?.password,
    }),
    button({ label: say('page.login.submit') }),
    !mailedLink.isEnabled()
      ? html``
      : html`${or(say('page.login.or'))}
${button({ label: say('page.login.link'), name: 'act', value: 'magic_link', kind: 'plain', icon: 'mail', skipsFields: true })}`,
  ]);
  const body = html`${notice}${postForm(loginPath, content)}
${hasPasskeys && passkeyPart(words, continueTo)}
<p><a href="${forgotPasswordPath}">${say('page.login.forgot')}</a></p>`;
  const script = hasPasskeys ? passkeyScriptPath : undefined;
  return {
    kind: 'html',
    status: statusCode,
    html: page({ title: say('page.login.title'), words, body, script }),
  } as const;
}

/** The script shows its button, and offers passkeys in the field of the email. */
function passkeyPart(words: PageWords, continueTo: OwnPath | undefined): Html {
  const options = { url: '/api/v1/auth/login/passkey/options', body: { transport: 'cookie' } };
  const button = { label: words.say('page.passkey.button'), mode: 'autofill', options, look: 'plain' } as const;
  const more = html`${continueTo !== undefined && hiddenField('continue', continueTo)}`;
  return passkeyForm('/login/passkey', words, [button], more);
}

/** Back from an application or from the history: never forward by itself, which would trap the back button. */
function signedIn(words: PageWords, principal: Principal, continueTo: OwnPath | undefined): PageResponse {
  const { say } = words;
  const account = principal.email ?? principal.name;
  const content = html`${hiddenField('act', 'switch')}
${continueTo !== undefined && hiddenField('continue', continueTo)}
${button({ label: say('page.login.other_account'), kind: 'plain' })}`;
  const body = html`<p>${say('page.home.signed_in', { account })}</p>
<p><a class="button" href="${continueTo ?? accountPath}">${say('page.login.continue')}</a></p>
${postForm('/logout', content)}`;
  return { kind: 'html', status: 200, html: page({ title: say('page.login.signed_in_title'), words, body }) };
}

/** A wrong address must be seen where it was set, so it is not dropped in silence. */
function refusedAddress(words: PageWords): PageResponse {
  const { say } = words;
  const body = html`<p>${say('page.return_address.refused')}</p>
<p><a href="${loginPath}">${say('page.login.title')}</a></p>`;
  return { kind: 'html', status: 400, html: page({ title: say('page.return_address.refused_title'), words, body }) };
}

function continueOf(text: string | undefined): OwnPath | undefined | 'refused' {
  return text === undefined ? undefined : (toOwnPath(text) ?? 'refused');
}

function canonicalOf(email: string): string | undefined {
  return emailInput.safeParse(email).data?.canonical;
}
