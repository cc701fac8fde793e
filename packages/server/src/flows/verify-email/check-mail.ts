/**
 * `/check-mail`: waits for the mail of a sign-up. It takes the code, sends the mail again, and signs in once the link was
 * opened elsewhere. It is the same for a taken address (invariant 13).
 */
import { z } from 'zod';
import {
  completeSignUp,
  findSignUp,
  type PresentedTicket,
  resendSeconds,
  reserveResend,
  type SignUp,
} from '#domain/authentication/index.ts';
import { type RequestMail, requestMail } from '#domain/mail-requests/index.ts';
import { Problem } from '#kernel/problem.ts';
import { checkMailPage } from '#pages/check-mail.ts';
import { leadTo } from '#pages/continue-page.ts';
import { button, codeField, hiddenField, linkButton, postForm, stack } from '#pages/form.ts';
import { addressAfter, type LeadsOn, leadOn, noTicket } from '#pages/login-step.ts';
import { sayWith } from '#pages/message-parts.ts';
import { alert, refusal, status } from '#pages/notice.ts';
import { loginPath } from '#pages/own-path.ts';
import { page } from '#pages/page.ts';
import { checkMailPath, registerPath } from '#pages/sign-up-paths.ts';
import { wordsOf } from '#pages/words.ts';
import { type Html, html } from '#platform/html/index.ts';
import { type Caller, type Endpoint, type PageResponse, pageEndpoint } from '#platform/http/index.ts';
import type { PageWords } from '#platform/i18n/index.ts';
import { codePattern } from '#protocol/digit-code/index.ts';
import { verifyByCode } from './sign-up.ts';
import type { VerifyEmail } from './verify-email.ts';

/** Dependencies of the page. */
export interface CheckMail extends VerifyEmail, LeadsOn, Pick<RequestMail, 'makeId'> {
  /** Undefined in production; `inboxUrl` is undefined with an SMTP server. */
  readonly development: { readonly inboxUrl: string | undefined } | undefined;
}

const done = z.enum(['sent_again']);

const form = z.strictObject({
  login: z.string().max(100),
  code: z.string().max(100).default(''),
  act: z.enum(['code', 'resend', 'confirmed']).default('code'),
});

type Typed = z.output<typeof form>;

const declared = { path: checkMailPath, auth: { principals: ['public'] }, opensByTicket: true } as const;

export function checkMailPages(flow: CheckMail): readonly Endpoint[] {
  return [
    pageEndpoint({
      ...declared,
      id: 'sign_up.show_check_mail',
      method: 'GET',
      summary: 'Page of a sign-up that waits for its mail',
      rateLimit: 'pages',
      request: { query: z.strictObject({ done: done.optional() }) },
      problems: [],
      handler: async ({ query, caller }) => {
        const words = wordsOf(flow.catalogues, caller);
        const found = await find(flow, caller);
        if (found === undefined) return expiredPage(words, 400);
        if (found.signUp.isUsed) return leadTo(words, addressAfter(flow, found.signUp.continueTo));
        const notice = query.done && status(words.say(`page.check_mail.${query.done}`));
        return waitingPage(flow, words, found.signUp, { status: 200, notice });
      },
    }),
    pageEndpoint({
      ...declared,
      id: 'sign_up.submit_check_mail',
      method: 'POST',
      summary: 'Its form: takes the code, sends the mail again, or signs in after the link was opened elsewhere',
      rateLimit: 'credential',
      limitedAs: ({ act }) => (act === 'resend' ? 'mail' : 'credential'),
      request: { form },
      problems: ['invalid_code', 'email_not_verified', 'invalid_ticket'],
      handler: ({ body, caller }) => submit(flow, body, caller),
      refused: async ({ body: { login }, caller, problem }) => {
        const words = wordsOf(flow.catalogues, caller);
        const found = await find(flow, caller);
        if (found === undefined) return expiredPage(words, 401);
        if (found.signUp.id !== login) return endPage(words, 409, 'other_tab');
        return waitingPage(flow, words, found.signUp, { status: 200, notice: refusal(words, problem) });
      },
    }),
  ];
}

interface Found {
  readonly signUp: SignUp;
  readonly ticket: PresentedTicket;
}

async function find({ database, clock }: CheckMail, caller: Caller): Promise<Found | undefined> {
  const { ticketCookie: text, browserHash } = caller;
  if (text === undefined || browserHash === undefined) return undefined;
  const ticket = { text, browserHash };
  const signUp = await findSignUp(database, ticket, clock.now());
  return signUp && { signUp, ticket };
}

async function submit(flow: CheckMail, typed: Typed, caller: Caller): Promise<PageResponse> {
  const words = wordsOf(flow.catalogues, caller);
  const found = await find(flow, caller);
  if (found === undefined) return expiredPage(words, 401);
  if (found.signUp.id !== typed.login) return endPage(words, 409, 'other_tab');
  // The second of two clicks: the response to the first one has the session.
  const { isUsed, continueTo } = found.signUp;
  if (isUsed) return leadTo(words, addressAfter(flow, continueTo));
  try {
    return await act(flow, words, found, typed, caller);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const onward = await afterOther(flow, words, caller);
    if (onward !== undefined) return onward;
    if (error.code === 'invalid_ticket') return expiredPage(words, 401);
    const { say } = words;
    if (error.code === 'invalid_code') {
      const complaint = say('page.check_mail.wrong');
      return waitingPage(flow, words, found.signUp, { status: error.status, complaint });
    }
    if (error.code !== 'email_not_verified') throw error;
    const notice = alert(say('page.check_mail.not_confirmed'));
    return waitingPage(flow, words, found.signUp, { status: error.status, notice });
  }
}

/** The way on for a request whose ticket another one used at the same time. */
async function afterOther(flow: CheckMail, words: PageWords, caller: Caller): Promise<PageResponse | undefined> {
  const found = await find(flow, caller);
  return found?.signUp.isUsed ? leadTo(words, addressAfter(flow, found.signUp.continueTo)) : undefined;
}

async function act(
  flow: CheckMail,
  words: PageWords,
  { signUp, ticket }: Found,
  typed: Typed,
  caller: Caller,
): Promise<PageResponse> {
  const { deviceCookie: deviceToken } = caller;
  if (typed.act === 'resend') return resend(flow, words, { signUp, ticket }, caller);
  if (typed.act === 'confirmed') {
    return leadOn(flow, words, await completeSignUp(flow, ticket, { deviceToken }, caller));
  }
  const code = typed.code.replaceAll(/\s/g, '');
  if (!codePattern.test(code)) {
    const complaint = words.say('page.check_mail.six_digits');
    return waitingPage(flow, words, signUp, { status: 422, complaint });
  }
  return leadOn(flow, words, await verifyByCode(flow, ticket, { code, deviceToken }, caller));
}

/** One mail a minute; the quotas of the recipient come on top. */
async function resend(
  flow: CheckMail,
  words: PageWords,
  { signUp, ticket }: Found,
  caller: Caller,
): Promise<PageResponse> {
  if (!(await reserveResend(flow.database, ticket, flow.clock.now()))) {
    const seconds = waitOf(flow, signUp) || resendSeconds;
    const notice = alert(words.say('page.check_mail.too_early'));
    return waitingPage(flow, words, signUp, { status: 429, notice, retryAfterSeconds: seconds });
  }
  const { canonical } = signUp.address;
  await requestMail(flow, { purpose: 'verify_email', canonical, requester: caller });
  return { kind: 'redirect', location: `${checkMailPath}?done=sent_again` };
}

interface Shown {
  readonly status: number;
  readonly notice?: Html | undefined;
  readonly complaint?: string;
  readonly retryAfterSeconds?: number;
}

/** Seconds until the mail may be sent again; 0 when it may. Clocks of nodes differ a little, so it is bounded. */
function waitOf({ clock }: CheckMail, { mailedAt }: SignUp): number {
  const passed = (clock.now().getTime() - mailedAt.getTime()) / 1000;
  return Math.min(resendSeconds, Math.max(0, Math.ceil(resendSeconds - passed)));
}

function waitingPage(flow: CheckMail, words: PageWords, signUp: SignUp, { complaint, ...shown }: Shown) {
  const { say } = words;
  const login = hiddenField('login', signUp.id);
  const form = postForm(
    checkMailPath,
    html`${login}
${codeField(words, complaint)}
${button({ label: say('page.check_mail.submit') })}`,
  );
  const confirmed = {
    label: say('page.check_mail.confirmed'),
    name: 'act',
    value: 'confirmed',
    kind: 'plain',
  } as const;
  return checkMailPage(words, {
    ...shown,
    lead: sayWith(words, 'page.check_mail.sign_up', { email: html`<b><bdi>${signUp.address.asTyped}</bdi></b>` }),
    hint: say('page.check_mail.hint'),
    form,
    ways: postForm(checkMailPath, html`${login}${stack(button(confirmed))}`),
    again: {
      action: checkMailPath,
      fields: { login: signUp.id, act: 'resend' },
      waitSeconds: waitOf(flow, signUp),
    },
    startAgain: registerPath,
    inboxUrl: flow.development?.inboxUrl,
  });
}

/** The ticket was used, is an hour old, or is another browser's. The cookie goes, so that it is not sent again. */
function expiredPage(words: PageWords, statusCode: 400 | 401): PageResponse {
  return { ...endPage(words, statusCode, 'expired'), cookies: [noTicket] };
}

function endPage(words: PageWords, statusCode: number, text: 'expired' | 'other_tab') {
  const { say } = words;
  const body = stack(linkButton({ label: say('page.login.title'), path: loginPath }));
  const beneath = html`<a href="${registerPath}">${say('page.check_mail.start_again')}</a>`;
  const lead = say(`page.check_mail.${text}`);
  const title = say(`page.check_mail.${text}_title`);
  return {
    kind: 'html',
    status: statusCode,
    html: page({ words, title, lead, icon: 'clock', body, beneath }),
  } as const;
}
