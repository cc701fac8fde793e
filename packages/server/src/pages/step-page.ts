/**
 * The page of a step of a login in progress. The ticket is in a cookie that only such pages get (`opensByTicket`), and is
 * bound to the browser by the form cookie; the form carries the id of the ticket that it was shown for. So of two sign-ins
 * in two tabs the earlier one acts on nothing: its page reports that the sign-in went on elsewhere.
 *
 * The sequence stands here once: read the login, lead to the page of its step, show the form, act, lead on. GET changes
 * nothing. A flow declares what differs.
 */

import { z } from 'zod';
import {
  type LoginGate,
  type LoginResult,
  type PresentedTicket,
  type ShownLogin,
  showLogin,
} from '#domain/authentication/index.ts';
import type { Clock } from '#kernel/clock.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import type { Database } from '#platform/database/index.ts';
import { type Html, html } from '#platform/html/index.ts';
import {
  type Caller,
  type Endpoint,
  type PageResponse,
  pageEndpoint,
  type RateLimitClass,
} from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { hiddenField, linkButton, or, postForm, stack } from './form.ts';
import { type LeadsOn, leadOn, noTicket, pathOfStep } from './login-step.ts';
import { refusal } from './notice.ts';
import { loginPath, type OwnPath } from './own-path.ts';
import { page } from './page.ts';
import { wordsOf } from './words.ts';

interface Declared {
  readonly id: string;
  readonly summary: string;
}

/** Dependencies of every such page. */
export interface StepPages extends LeadsOn {
  readonly database: Database;
  readonly clock: Clock;
  readonly secondFactorFor: LoginGate['secondFactorFor'];
  readonly catalogues: Catalogues;
}

/** The parts that differ between the pages; `F` is the form without its hidden fields. */
export interface StepPage<F extends z.ZodRawShape> {
  readonly path: OwnPath;
  /** The step that this page takes. One step may have several pages. */
  readonly step: ShownLogin['step'];
  readonly show: Declared;
  readonly submit: Declared & {
    readonly fields: F;
    readonly rateLimit: Exclude<RateLimitClass, 'public'>;
    readonly problems: readonly ProblemCode[];
  };
  /** The page's title. */
  readonly title: (words: PageWords) => string;
  /** Below the title. */
  readonly intro: (reading: StepReading) => string;
  /** Fields and buttons of the form; undefined where this user has nothing to type here. */
  readonly form: (reading: StepReading, ticket: PresentedTicket) => Html | undefined | Promise<Html | undefined>;
  /** The path of the page's script. */
  readonly script?: string;
  /** Links to the other pages of the step, as buttons below the form. */
  readonly ways?: (reading: StepReading) => readonly (Html | false | undefined)[];
  /** Takes the step. Returns the login's result, or the page that ends the login. */
  readonly act: (
    typed: z.output<z.ZodObject<F>>,
    ticket: PresentedTicket,
    caller: Caller,
    reading: StepReading,
  ) => Promise<LoginResult | PageResponse>;
  /** The sentence of a refused proof, which the form shows beside its field. */
  readonly complaints?: Partial<Readonly<Record<ProblemCode, string>>>;
}

/** The login that a page shows, and the words of its reader. */
export interface StepReading {
  readonly login: ShownLogin;
  readonly words: PageWords;
  /** Why the proof that was sent was refused. */
  readonly complaint?: string | undefined;
  /** The fields of a form that was not taken for now. */
  readonly typed?: Readonly<Record<string, unknown>>;
}

/** The two endpoints of the page. */
export function stepPage<F extends z.ZodRawShape>(flow: StepPages, declared: StepPage<F>): readonly Endpoint[] {
  const { path, show, submit } = declared;
  const common = { path, auth: { principals: ['public'] }, opensByTicket: true } as const;
  return [
    pageEndpoint({
      ...common,
      ...show,
      method: 'GET',
      rateLimit: 'pages',
      request: {},
      problems: [],
      handler: ({ caller }) =>
        respond(flow, declared, caller, 400, (reading, ticket) => formPage(declared, { reading, ticket }, 200)),
    }),
    pageEndpoint({
      ...common,
      id: submit.id,
      summary: submit.summary,
      method: 'POST',
      rateLimit: submit.rateLimit,
      request: { form: z.strictObject({ ...submit.fields, login: z.string().max(100) }) },
      problems: submit.problems,
      handler: ({ body, caller }) => {
        const { login: shown, ...typed } = body as { readonly login: string };
        return respond(flow, declared, caller, 401, (reading, ticket) =>
          reading.login.id === shown
            ? submitted(flow, declared, { reading, ticket, caller }, typed as z.output<z.ZodObject<F>>)
            : Promise.resolve(otherTab(reading.words)),
        );
      },
      refused: ({ body, caller, problem }) =>
        respond(flow, declared, caller, 401, async ({ login, words }, ticket) => {
          const { login: shown, ...typed } = body as { readonly login: string };
          if (login.id !== shown) return otherTab(words);
          return formPage(declared, { reading: { login, words, typed }, ticket }, 200, refusal(words, problem));
        }),
    }),
  ];
}

async function respond<F extends z.ZodRawShape>(
  flow: StepPages,
  { step }: StepPage<F>,
  caller: Caller,
  ifExpired: 400 | 401,
  next: (reading: StepReading, ticket: PresentedTicket) => Promise<PageResponse>,
): Promise<PageResponse> {
  const { clock, catalogues } = flow;
  const { ticketCookie: text, browserHash } = caller;
  const ticket = text === undefined || browserHash === undefined ? undefined : { text, browserHash };
  const login = ticket && (await showLogin(flow, ticket, clock.now()));
  const words = wordsOf(catalogues, caller);
  if (ticket === undefined || login === undefined) return expiredPage(words, ifExpired);
  if (login.step === step) return next({ login, words }, ticket);
  const location = pathOfStep(login.step, login.factors);
  return location === undefined ? expiredPage(words, ifExpired) : { kind: 'redirect', location };
}

interface Submitted {
  readonly reading: StepReading;
  readonly ticket: PresentedTicket;
  readonly caller: Caller;
}

async function submitted<F extends z.ZodRawShape>(
  flow: StepPages,
  declared: StepPage<F>,
  { reading, ticket, caller }: Submitted,
  typed: z.output<z.ZodObject<F>>,
): Promise<PageResponse> {
  try {
    const result = await declared.act(typed, ticket, caller, reading);
    const isResult = result.kind === 'done' || result.kind === 'step_required';
    return isResult ? leadOn(flow, reading.words, result) : result;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'invalid_ticket') return expiredPage(reading.words, 401);
    const { status } = error;
    if (error.code === 'validation_failed') {
      const sentences = error.errors.map(({ message }) => message).join(' ');
      return formPage(declared, { reading: { ...reading, complaint: sentences }, ticket }, status);
    }
    const complaint = declared.complaints?.[error.code];
    if (complaint === undefined) throw error;
    const again = { ...reading, complaint: reading.words.say(complaint) };
    return formPage(declared, { reading: again, ticket }, status);
  }
}

async function formPage<F extends z.ZodRawShape>(
  { path, title, intro, form, ways, script }: StepPage<F>,
  { reading, ticket }: Omit<Submitted, 'caller'>,
  status: number,
  notice?: Html,
) {
  const { words, login } = reading;
  const content = await form(reading, ticket);
  const others = (ways?.(reading) ?? []).filter((way) => way !== false && way !== undefined);
  const body = html`${notice}${content && postForm(path, html`${hiddenField('login', login.id)}${content}`)}
${content !== undefined && others.length > 0 && or(words.say('page.login.or'))}${others.length > 0 && stack(...others)}`;
  return {
    kind: 'html',
    status,
    html: page({ title: title(words), lead: intro(reading), words, body, script, beneath: signingInAs(reading) }),
  } as const;
}

/** The account that the login is for, and the way to another one. */
function signingInAs({ login: { email }, words: { say } }: Pick<StepReading, 'login' | 'words'>): Html {
  const other = html`<a href="${loginPath}">${say('page.step.not_you')}</a>`;
  return email === null
    ? other
    : html`<span>${say('page.step.signing_in_as')} <b><bdi>${email}</bdi></b></span> ${other}`;
}

/** The ticket is used, too old, or was issued to another browser. The cookie goes, so that it is not sent again. */
function expiredPage(words: PageWords, status: 400 | 401): PageResponse {
  return { ...endPage(words, status, 'expired'), cookies: [noTicket] };
}

function otherTab(words: PageWords): PageResponse {
  return endPage(words, 409, 'other_tab');
}

function endPage({ say, ...words }: PageWords, status: number, text: 'expired' | 'other_tab') {
  return {
    kind: 'html',
    status,
    html: page({
      title: say(`page.step.${text}_title`),
      lead: say(`page.step.${text}`),
      icon: text === 'expired' ? 'clock' : 'link',
      tone: 'warn',
      words: { say, ...words },
      body: linkButton({ label: say('page.step.again'), path: loginPath }),
    }),
  } as const;
}
