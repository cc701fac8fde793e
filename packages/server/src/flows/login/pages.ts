/** `/login`: the form for email and password, which also requests a mailed link or code. */

import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { refusedAddressPage } from '#pages/continue-page.ts';
import { type LeadsOn, leadOn } from '#pages/login-step.ts';
import { alert, refusal, status } from '#pages/notice.ts';
import { choosePath, loginPath, withContinue } from '#pages/own-path.ts';
import { continueField, type ReturnAddress } from '#pages/return-address.ts';
import { wordsOf } from '#pages/words.ts';
import type { Html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, type Principal, pageEndpoint } from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import type { QuotaReservation } from '#platform/rate-limit/index.ts';
import { choosePage } from './choose.ts';
import { type Complaints, type SignInForm, signInPage } from './form.ts';
import { type Login, login } from './login.ts';

/** Dependencies of the page. */
export type LoginPages = Login & SignInForm & LeadsOn & { readonly catalogues: Catalogues };

/** The act that led here, which the page confirms. The previous release leads here after signing out. */
const done = z.enum(['signed_out']);

const query = z.strictObject({ continue: continueField, done: done.optional() });

const fields = z.strictObject({
  email: z.string().max(1000),
  password: z.string().max(1024).default(''),
  act: z.enum(['magic_link', 'email_code']).optional(),
  continue: continueField,
});

type Typed = z.output<typeof fields>;

export function loginPages(flow: LoginPages): readonly Endpoint[] {
  return [
    pageEndpoint({
      id: 'login.show',
      method: 'GET',
      path: loginPath,
      summary: 'Sign-in page: email and password, a passkey, or a mailed link or code',
      auth: { principals: ['public', 'session'] },
      rateLimit: 'pages',
      callsApi: true,
      request: { query },
      problems: [],
      handler: async ({ query: asked, principal, caller }) => show(flow, asked, principal, caller),
    }),
    pageEndpoint({
      id: 'login.submit',
      method: 'POST',
      path: loginPath,
      summary: 'Submit its form: signs this browser in, or mails a link or a code',
      auth: { principals: ['public'] },
      rateLimit: 'credential',
      limitedBy: ({ email }) => canonicalOf(email),
      limitedAs: ({ act }) => (act === undefined ? 'credential' : 'mail'),
      countsUse: true,
      callsApi: true,
      request: { form: fields },
      problems: ['invalid_credentials', 'email_not_verified', 'account_disabled', 'not_enabled'],
      handler: ({ body, caller, use }) => submit(flow, body, caller, use),
      refused: ({ body: { email, continue: text }, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        const continueTo = flow.returnAddresses.readOptional(text);
        if (continueTo === 'refused') return refusedAddressPage(flow, words, text ?? '');
        return signInPage(flow, words, { status: 200, email, continueTo, notice: refusal(words, problem) });
      },
    }),
    choosePage(flow),
  ];
}

function show(
  flow: LoginPages,
  asked: z.output<typeof query>,
  principal: Principal | undefined,
  caller: Caller,
): PageResponse {
  const words = wordsOf(flow.catalogues, caller);
  const continueTo = flow.returnAddresses.readOptional(asked.continue);
  if (continueTo === 'refused') return refusedAddressPage(flow, words, asked.continue ?? '');
  // Back from an application or from the history: a page with a choice, since leading forward would trap the back button.
  if (principal !== undefined) return { kind: 'redirect', location: withContinue(choosePath, continueTo?.text) };
  const notice = asked.done && status(words.say(`page.login.${asked.done}`));
  return signInPage(flow, words, { status: 200, continueTo, notice });
}

async function submit(flow: LoginPages, typed: Typed, caller: Caller, quota: QuotaReservation): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const continueTo = flow.returnAddresses.readOptional(typed.continue);
  if (continueTo === 'refused') {
    quota.skip();
    return refusedAddressPage(flow, words, typed.continue ?? '');
  }
  const { email, password, act } = typed;
  const canonical = canonicalOf(email);
  if (canonical === undefined || (act === undefined && password === '')) {
    quota.skip();
    const complaints = complaintsOf(words, canonical, act);
    return signInPage(flow, words, { status: 422, email, continueTo, complaints });
  }
  if (act !== undefined) return flow.mailedWays.request(act, { canonical, continueTo }, caller);
  return logIn(flow, words, { email, canonical, password, continueTo }, caller, quota);
}

interface Attempt {
  readonly email: string;
  readonly canonical: string;
  readonly password: string;
  readonly continueTo: ReturnAddress | undefined;
}

async function logIn(
  flow: LoginPages,
  words: PageWords,
  { email, canonical, password, continueTo: address }: Attempt,
  caller: Caller,
  quota: QuotaReservation,
): Promise<PageResponse> {
  try {
    const { deviceCookie: deviceToken, browserHash } = caller;
    const options = { transport: 'cookie', deviceToken, browserHash, continueTo: address?.text } as const;
    return leadOn(flow, words, await login(flow, { canonical, password, quota, ...options }, caller));
  } catch (error) {
    const notice = error instanceof Problem ? noticeOf(words, error) : undefined;
    if (!(error instanceof Problem) || notice === undefined) throw error;
    return signInPage(flow, words, { status: error.status, email, continueTo: address, notice });
  }
}

/** The refusals of a login that the form explains. */
const refusals: Partial<Readonly<Record<ProblemCode, string>>> = {
  invalid_credentials: 'page.login.wrong',
  account_disabled: 'page.login.disabled',
  email_not_verified: 'page.login.not_verified',
};

function noticeOf(words: PageWords, { code }: Problem): Html | undefined {
  const key = refusals[code];
  return key === undefined ? undefined : alert(words.say(key));
}

function complaintsOf({ say }: PageWords, canonical: string | undefined, act: Typed['act']): Complaints {
  return {
    email: canonical === undefined ? say('page.login.email_missing') : undefined,
    password: act === undefined ? say('page.login.password_missing') : undefined,
  };
}

function canonicalOf(email: string): string | undefined {
  return emailInput.safeParse(email).data?.canonical;
}
