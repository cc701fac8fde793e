/** `/login/email-code`: six digits of a mail, in the browser that requested them. */
import { z } from 'zod';
import { emailInput } from '#domain/identifiers/index.ts';
import { Problem } from '#kernel/problem.ts';
import { refusedAddressPage } from '#pages/continue-page.ts';
import { button, field, hiddenField, postForm } from '#pages/form.ts';
import { type LeadsOn, leadOn } from '#pages/login-step.ts';
import { refusal } from '#pages/notice.ts';
import { emailCodePath, loginPath, withContinue } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { continueField, type ReturnAddress } from '#pages/return-address.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { codePattern } from '#protocol/digit-code/index.ts';
import { codePage } from './code-page.ts';
import { type MailedWays, requestWay } from './mailed-ways.ts';
import { requireEnabled } from './request.ts';
import { type TypeCode, typeCode } from './type-code.ts';

/** Dependencies of the page. */
export type CodePages = MailedWays & TypeCode & LeadsOn;

const fields = z.strictObject({
  email: z.string().max(1000),
  code: z.string().max(100).default(''),
  // `again` stands beside the field of the code.
  act: z.enum(['send', 'again']).optional(),
  continue: continueField,
});

type Typed = z.output<typeof fields>;

export function codePages(flow: CodePages): readonly Endpoint[] {
  const common = { path: emailCodePath, auth: { principals: ['public'] } } as const;
  return [
    pageEndpoint({
      ...common,
      id: 'login.show_email_code',
      method: 'GET',
      summary: 'Page that mails a code, and takes it',
      rateLimit: 'pages',
      request: { query: z.strictObject({ continue: continueField }) },
      problems: ['not_enabled'],
      handler: async ({ query: { continue: text }, caller }) => {
        requireEnabled(flow, 'email_code');
        const words = wordsOf(flow.catalogues, caller);
        const continueTo = flow.returnAddresses.readOptional(text);
        if (continueTo === 'refused') return refusedAddressPage(flow, words, text ?? '');
        return emailPage(words, { status: 200, email: '', continueTo });
      },
    }),
    pageEndpoint({
      ...common,
      id: 'login.submit_email_code',
      method: 'POST',
      summary: 'Its form: signs this browser in, or mails another code',
      rateLimit: 'credential',
      limitedBy: ({ email }) => canonicalOf(email),
      limitedAs: ({ act }) => (act === undefined ? 'credential' : 'mail'),
      request: { form: fields },
      problems: ['not_enabled', 'invalid_code', 'email_not_verified'],
      handler: ({ body, caller }) => submit(flow, body, caller),
      refused: ({ body, caller, problem }) => refused(flow, body, caller, problem),
    }),
  ];
}

async function submit(flow: CodePages, typed: Typed, caller: Caller): Promise<PageResponse> {
  requireEnabled(flow, 'email_code');
  const words = wordsOf(flow.catalogues, caller);
  const { email, act } = typed;
  const continueTo = flow.returnAddresses.readOptional(typed.continue);
  if (continueTo === 'refused') return refusedAddressPage(flow, words, typed.continue ?? '');
  const canonical = canonicalOf(email);
  if (canonical === undefined) {
    const complaint = words.say('page.login.email_missing');
    return emailPage(words, { status: 422, email, continueTo, complaint });
  }
  if (act !== undefined) return requestWay(flow, 'email_code', { canonical, continueTo }, caller);
  const code = typed.code.replaceAll(/[\s-]/g, '');
  if (codePattern.test(code)) return take(flow, words, { canonical, code, continueTo }, caller);
  const complaint = words.say('page.email_code.missing');
  return codePage(flow, words, { status: 422, email: canonical, continueTo, complaint });
}

/** The form of the address where it was sent, or that of the code. */
function refused(flow: CodePages, { email, act, ...typed }: Typed, caller: Caller, problem: Problem): PageResponse {
  requireEnabled(flow, 'email_code');
  const words = wordsOf(flow.catalogues, caller);
  const continueTo = flow.returnAddresses.readOptional(typed.continue);
  if (continueTo === 'refused') return refusedAddressPage(flow, words, typed.continue ?? '');
  const shown = { status: 200, email, continueTo, notice: refusal(words, problem) } as const;
  return act === 'send' ? emailPage(words, shown) : codePage(flow, words, shown);
}

interface Attempt {
  readonly canonical: string;
  readonly code: string;
  readonly continueTo: ReturnAddress | undefined;
}

/** Wrong, used and expired codes, and those of other browsers and unknown addresses, look alike (invariant 13). */
async function take(
  flow: CodePages,
  words: PageWords,
  { canonical, code, continueTo }: Attempt,
  caller: Caller,
): Promise<PageResponse> {
  const { loginCookie: browserSecret, deviceCookie: deviceToken, browserHash } = caller;
  const options = { transport: 'cookie', browserSecret, deviceToken, browserHash } as const;
  try {
    const typed = { canonical, code, ...options, continueTo: continueTo?.text };
    return leadOn(flow, words, await typeCode(flow, typed, caller));
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'invalid_code') throw error;
    const complaint = words.say('page.email_code.wrong');
    return codePage(flow, words, { status: error.status, email: canonical, continueTo, complaint });
  }
}

interface ShownEmail {
  readonly status: number;
  readonly email: string;
  readonly continueTo: ReturnAddress | undefined;
  readonly complaint?: string;
  readonly notice?: Html;
}

/** Without an address there is no code to take: the page mails one. */
function emailPage(words: PageWords, { status, email, continueTo, complaint, notice }: ShownEmail): PageResponse {
  const { say } = words;
  const form = html`${hiddenField('act', 'send')}
${continueTo !== undefined && hiddenField('continue', continueTo.text)}
${field({
  name: 'email',
  label: say('page.email.label'),
  type: 'email',
  autocomplete: 'username',
  value: email,
  isVerbatim: true,
  hasFocus: true,
  complaint,
})}
${button({ label: say('page.login.email_code') })}`;
  const beneath = html`<a href="${withContinue(loginPath, continueTo?.text)}">${say('page.login.back')}</a>`;
  const title = say('page.email_code.title');
  const lead = say('page.email_code.lead');
  const shown = page({ title, lead, words, body: html`${notice}${postForm(emailCodePath, form)}`, beneath });
  return { kind: 'html', status, html: shown };
}

function canonicalOf(email: string): string | undefined {
  return emailInput.safeParse(email).data?.canonical;
}
