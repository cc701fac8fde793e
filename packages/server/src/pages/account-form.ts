/**
 * One act of the account: a page of its own path with a form, which acts and redirects to the section with the name of what
 * was done. A section may render the form as well; so an outdated form is shown again by its own page.
 *
 * A page that needs a recent proof requires it when it opens. Its form may be sent a quarter of an hour later, so that reading
 * it costs no second proof.
 */
import { z } from 'zod';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { type Html, html } from '#platform/html/index.ts';
import {
  type Caller,
  type Endpoint,
  type PageResponse,
  type Principal,
  pageEndpoint,
  type RateLimitClass,
} from '#platform/http/index.ts';
import type { Catalogues, PageWords } from '#platform/i18n/index.ts';
import { type ButtonKind, button, hiddenField, linkButton, postForm, stack } from './form.ts';
import { alert, refusal } from './notice.ts';
import { type AccountSection, accountPage } from './page.ts';
import { wordsOf } from './words.ts';

/** The time to fill in a form whose page required a recent proof. */
const readingSeconds = 15 * 60;

type StepUp = { readonly withinSeconds: number; readonly orPassword?: true };

/** The age of a proof with which the form of a page may still be sent. */
export function formStepUp(stepUp: StepUp): StepUp {
  return { ...stepUp, withinSeconds: stepUp.withinSeconds + readingSeconds };
}

/** A flow as the form of a page calls it: the proof that the page required is as much older as reading it takes. */
export function patiently<F extends { readonly stepUpSeconds: number }>(flow: F): F {
  return { ...flow, stepUpSeconds: formStepUp({ withinSeconds: flow.stepUpSeconds }).withinSeconds };
}

/** A page of a path; `F` is its form without what names the thing, `Q` what names it, in the address and hidden in the form. */
export interface AccountForm<F extends z.ZodRawShape, Q extends z.ZodRawShape> {
  readonly section: AccountSection;
  readonly path: `/${string}`;
  readonly catalogues: Catalogues;
  readonly show: { readonly id: string; readonly summary: string };
  readonly submit: {
    readonly id: string;
    readonly summary: string;
    readonly fields: F;
    readonly rateLimit: Exclude<RateLimitClass, 'public'>;
    readonly problems?: readonly ProblemCode[];
  };
  readonly about?: Q;
  readonly stepUp?: StepUp | undefined;
  /** Undefined when nothing is left to do, such as after the act in another tab. The page then redirects to its section. */
  readonly content: (reading: FormReading<F, Q>) => FormContent | undefined | Promise<FormContent | undefined>;
  /** @returns the name of the act, from the closed list of the section; or a page. */
  readonly act: (
    typed: z.output<z.ZodObject<F & Q>>,
    principal: Principal,
    caller: Caller,
    words: PageWords,
  ) => Promise<Done | PageResponse>;
  /** The sentences of refusals: beside a field, or above the form. */
  readonly refusals?: Partial<Readonly<Record<ProblemCode, { readonly text: string; readonly field?: string }>>>;
  /** Refusals that mean that there is nothing left to do. */
  readonly leads?: readonly ProblemCode[];
}

export interface Done extends Pick<Extract<PageResponse, { readonly kind: 'redirect' }>, 'cookies'> {
  readonly done: string;
}

export interface FormReading<F extends z.ZodRawShape, Q extends z.ZodRawShape> {
  readonly words: PageWords;
  readonly principal: Principal;
  readonly about: z.output<z.ZodObject<Q>>;
  /** Undefined when the page is only shown. */
  readonly typed: z.output<z.ZodObject<F & Q>> | undefined;
  /** By the name of the field. */
  readonly complaints: Readonly<Record<string, string | undefined>>;
}

export interface FormContent {
  readonly title: string;
  readonly lead?: string;
  readonly fields?: Html;
  readonly submit: string;
  readonly kind?: ButtonKind;
}

/** The two endpoints of the page. */
export function accountForm<F extends z.ZodRawShape, Q extends z.ZodRawShape = Record<never, never>>(
  declared: AccountForm<F, Q>,
): readonly Endpoint[] {
  const { path, show, submit, stepUp } = declared;
  const about = (declared.about ?? {}) as Q;
  return [
    pageEndpoint({
      ...show,
      method: 'GET',
      path,
      auth: { principals: ['session'], ...(stepUp && { stepUp }) },
      rateLimit: 'pages',
      request: { query: z.strictObject(about).partial() },
      problems: [],
      handler: ({ query, principal, caller }) => {
        // A step-up leads back here without the query.
        if (Object.keys(about).some((name) => !Object.hasOwn(query as object, name))) return leadTo(declared.section);
        const words = wordsOf(declared.catalogues, caller);
        return shown(declared, { words, principal, about: query as never, typed: undefined, complaints: {} });
      },
    }),
    pageEndpoint({
      id: submit.id,
      summary: submit.summary,
      method: 'POST',
      path,
      // A password in the form is as recent as the form.
      auth: { principals: ['session'], ...(stepUp && { stepUp: stepUp.orPassword ? stepUp : formStepUp(stepUp) }) },
      rateLimit: submit.rateLimit,
      request: { form: z.strictObject({ ...about, ...submit.fields }) },
      problems: submit.problems ?? [],
      handler: ({ body, principal, caller }) => {
        const words = wordsOf(declared.catalogues, caller);
        const typed = body as z.output<z.ZodObject<F & Q>>;
        return sent(declared, { words, principal, about: typed as never, typed, complaints: {} }, caller);
      },
      refused: ({ body, principal, caller, problem }) => {
        const words = wordsOf(declared.catalogues, caller);
        const reading = { words, principal, about: body as never, typed: body as never, complaints: {} };
        return shown(declared, reading, { notice: refusal(words, problem) });
      },
    }),
  ];
}

async function leadTo(location: AccountSection): Promise<PageResponse> {
  return { kind: 'redirect', location };
}

type Submitted<F extends z.ZodRawShape, Q extends z.ZodRawShape> = FormReading<F, Q> & {
  readonly typed: z.output<z.ZodObject<F & Q>>;
};

async function sent<F extends z.ZodRawShape, Q extends z.ZodRawShape>(
  declared: AccountForm<F, Q>,
  reading: Submitted<F, Q>,
  caller: Caller,
): Promise<PageResponse> {
  const { section, act, leads = [], refusals = {} } = declared;
  const { words, typed, principal } = reading;
  try {
    const result = await act(typed, principal, caller, words);
    if ('kind' in result) return result;
    const { done, cookies } = result;
    return { kind: 'redirect', location: `${section}?done=${done}`, ...(cookies && { cookies }) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (leads.includes(error.code)) return leadTo(section);
    const refusal = refusals[error.code];
    const { status } = error;
    if (error.code === 'validation_failed')
      return shown(declared, { ...reading, complaints: complaintsOf(error) }, { status });
    if (refusal === undefined) throw error;
    const text = words.say(refusal.text);
    if (refusal.field === undefined) return shown(declared, reading, { status, notice: alert(text) });
    return shown(declared, { ...reading, complaints: { [refusal.field]: text } }, { status });
  }
}

/** The sentences of a rejected form by field. */
function complaintsOf({ errors }: Problem): Readonly<Record<string, string>> {
  const byField = Map.groupBy(errors, ({ path }) => path.slice(1));
  return Object.fromEntries([...byField].map(([name, all]) => [name, all.map(({ message }) => message).join(' ')]));
}

async function shown<F extends z.ZodRawShape, Q extends z.ZodRawShape>(
  { section, path, about = {} as Q, content }: AccountForm<F, Q>,
  reading: FormReading<F, Q>,
  { status = 200, notice }: { status?: number; notice?: Html } = {},
): Promise<PageResponse> {
  const { words } = reading;
  const asked = await content(reading);
  if (asked === undefined) return leadTo(section);
  const named = Object.entries(reading.about).filter(([name]) => Object.hasOwn(about, name));
  const form = html`${named.map(([name, value]) => hiddenField(name, String(value)))}${asked.fields}
${stack(
  button({ label: asked.submit, ...(asked.kind && { kind: asked.kind }) }),
  linkButton({ label: words.say('page.account.not_now'), kind: 'quiet', path: section }),
)}`;
  const body = html`<div class="card"><div class="inside">${notice}${postForm(path, form)}</div></div>`;
  const { title, lead } = asked;
  return { kind: 'html', status, html: accountPage({ section, title, lead, words, body }) };
}
