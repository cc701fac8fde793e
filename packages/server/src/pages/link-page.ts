/**
 * The page behind a mailed link. GET shows a form and changes nothing, because mail scanners open links; POST acts.
 * The sequence stands here once: read the link, choose the language, show the form, act, then show the outcome, the
 * form again with complaints (422), or that the link is no longer valid (400). A flow declares what differs.
 *
 * Texts of a page, in the catalogues below its prefix: `title` and `submit` of the form, `invalid_link` (what to do
 * next), and for an outcome `done` its `done_title` and `done`.
 */

import { z } from 'zod';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { type Html, html } from '#platform/html/index.ts';
import {
  type Caller,
  type CookieChange,
  type Endpoint,
  type PageResponse,
  pageEndpoint,
  type RateLimitClass,
} from '#platform/http/index.ts';
import type { Catalogues, MessageArguments, PageWords } from '#platform/i18n/index.ts';
import { button, hiddenField, linkButton, postForm, stack } from './form.ts';
import type { IconName } from './icon.ts';
import { refusal } from './notice.ts';
import { loginPath, withContinue } from './own-path.ts';
import { page } from './page.ts';
import { wordsOf } from './words.ts';

/** The secret of a mailed link, as a query or form carries it. */
export const linkToken = z.string().min(1).max(200);

interface Declared {
  readonly id: string;
  readonly summary: string;
  readonly problems?: readonly ProblemCode[];
}

/** The parts that differ between the pages. `L` is the link as the flow reads it, `F` the schema of the form. */
export interface LinkPage<L, F extends z.ZodType<{ readonly token?: string | undefined }>> {
  readonly path: `/${string}`;
  readonly show: Declared;
  readonly submit: Declared & { readonly form: F; readonly rateLimit?: Exclude<RateLimitClass, 'public'> };
  readonly catalogues: Catalogues;
  /** The prefix of the page's texts, such as `page.reset_password`. */
  readonly texts: string;
  /** The link, without using it; undefined when it is not valid. A form without `token` proves itself in another way. */
  readonly read: (token: string | undefined, caller: Caller) => Promise<L | undefined>;
  /**
   * The text of the outcome of a link that was used before, when its effect still holds: pressing it twice is no error. Only
   * the holder of the link learns it.
   */
  readonly alreadyDone?: (
    token: string,
    typed: z.output<F> | undefined,
  ) => Promise<(Pick<Outcome, 'text' | 'title'> & { readonly locale: string }) | undefined>;
  /** The language that the link asks for; the browser's is the second choice. */
  readonly localeOf: (link: L) => string | undefined;
  readonly form: (reading: Reading<L>, complaints: Complaints, typed?: z.output<F>) => LinkForm | Promise<LinkForm>;
  /**
   * Returns the outcome to show, or the response that leads on. Throws `invalid_token` for a link that is no longer valid,
   * and `validation_failed` for what the form complains of.
   */
  readonly act: (typed: z.output<F>, caller: Caller, reading: Reading<L>) => Promise<Outcome | PageResponse>;
  /** The response to the form of a link that was used before, when it leads on all the same; else `alreadyDone`. */
  readonly again?: (typed: z.output<F>, caller: Caller) => Promise<PageResponse | undefined>;
  /** The form for a new link, below the sentence that this one does not work. Without it, the sign-in page is linked. */
  readonly renewal?: (words: PageWords) => Html;
  /** Whether the page gets the ticket cookie. */
  readonly opensByTicket?: true;
  /** Problems that are outcomes of this page, and the texts that explain them. */
  readonly refusals?: Partial<Readonly<Record<ProblemCode, string>>>;
}

/** A valid link and the words of its reader. */
export interface Reading<L> {
  readonly link: L;
  /** Undefined for a form that proves itself in another way. */
  readonly token: string | undefined;
  readonly words: PageWords;
  /** A text of this page, by its name without the prefix. */
  readonly say: (name: string, values?: MessageArguments) => string;
}

/** The error of each field, by its name. */
export type Complaints = Readonly<Record<string, string | undefined>>;

export interface LinkForm {
  /** Above the form; the first one below the heading. */
  readonly paragraphs: readonly string[];
  readonly icon?: IconName;
  readonly fields?: Html;
  /** One with the text `submit` by default. */
  readonly buttons?: readonly Html[];
  /** Forms of their own, such as the buttons of identity providers. */
  readonly otherWays?: Html | undefined;
  /** The foot of the card. */
  readonly beneath?: Html;
}

export interface Outcome {
  readonly text: string;
  /** `<text>_title` by default. */
  readonly title?: string;
  /** Below the text. */
  readonly next?: Html;
  /** The return address of a sign-in that follows. */
  readonly continueTo?: string | undefined;
  readonly cookies?: readonly CookieChange[];
}

/** The two endpoints of the page. */
export function linkPage<L, F extends z.ZodType<{ readonly token?: string | undefined }>>(
  declared: LinkPage<L, F>,
): readonly Endpoint[] {
  const { path, show, submit, opensByTicket } = declared;
  const auth = { principals: ['public'] } as const;
  const common = { path, auth, ...(opensByTicket && { opensByTicket }) };
  return [
    pageEndpoint({
      ...common,
      id: show.id,
      method: 'GET',
      summary: show.summary,
      rateLimit: 'pages',
      request: { query: z.strictObject({ token: linkToken.optional() }) },
      problems: show.problems ?? [],
      handler: ({ query: { token }, caller }) =>
        // A mail program may lose the token, and the page of a refused link in another language has none.
        token === undefined
          ? inactiveLink(declared, { token, typed: undefined }, caller)
          : respond(declared, { token, typed: undefined }, caller, (reading) =>
              formResponse(declared, reading, { token }),
            ),
    }),
    pageEndpoint({
      ...common,
      id: submit.id,
      method: 'POST',
      summary: submit.summary,
      rateLimit: submit.rateLimit ?? 'pages',
      request: { form: submit.form },
      problems: submit.problems ?? [],
      handler: ({ body, caller }) => {
        const typed = body as z.output<F>;
        const sent = { token: typed.token, typed };
        return respond(declared, sent, caller, (reading) => submitted(declared, reading, typed, caller));
      },
      refused: async ({ body, caller, problem }) => {
        const typed = body as z.output<F>;
        const reading = await readingOf(declared, typed.token, caller);
        if (reading === undefined) return undefined;
        const notice = refusal(reading.words, problem);
        return formResponse(declared, reading, { token: typed.token, typed, notice });
      },
    }),
  ];
}

interface Sent<F extends z.ZodType> {
  readonly token: string | undefined;
  /** Undefined when the page is only shown. */
  readonly typed: z.output<F> | undefined;
}

async function inactiveLink<L, F extends z.ZodType<{ readonly token?: string | undefined }>>(
  { again, alreadyDone, catalogues, texts, renewal }: LinkPage<L, F>,
  { token, typed }: Sent<F>,
  caller: Caller,
): Promise<PageResponse> {
  const onward = typed && (await again?.(typed, caller));
  if (onward !== undefined) return onward;
  const done = token === undefined ? undefined : await alreadyDone?.(token, typed);
  const words = wordsOf(catalogues, done === undefined ? withoutQuery(caller) : caller, done?.locale);
  const say: Reading<L>['say'] = (name, values) => words.say(`${texts}.${name}`, values);
  return done === undefined ? invalidLink(words, say, renewal?.(words)) : outcomeResponse({ words, say }, done, 200);
}

/** The page of a link that does not work repeats no secret: in another language it is the same page without one. */
function withoutQuery({ acceptLanguage, chosenLanguage }: Caller) {
  return { acceptLanguage, ownQuery: {}, ...(chosenLanguage !== undefined && { chosenLanguage }) };
}

/** Undefined for a link that is not valid. */
async function readingOf<L, F extends z.ZodType<{ readonly token?: string | undefined }>>(
  { read, localeOf, catalogues, texts }: LinkPage<L, F>,
  token: string | undefined,
  caller: Caller,
): Promise<Reading<L> | undefined> {
  const link = await read(token, caller);
  if (link === undefined) return undefined;
  const words = wordsOf(catalogues, caller, localeOf(link));
  return { link, token, words, say: (name, values) => words.say(`${texts}.${name}`, values) };
}

async function respond<L, F extends z.ZodType<{ readonly token?: string | undefined }>>(
  declared: LinkPage<L, F>,
  sent: Sent<F>,
  caller: Caller,
  next: (reading: Reading<L>) => Promise<PageResponse>,
): Promise<PageResponse> {
  const reading = await readingOf(declared, sent.token, caller);
  if (reading === undefined) return inactiveLink(declared, sent, caller);
  try {
    return await next(reading);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'invalid_token' || error.code === 'invalid_ticket') return inactiveLink(declared, sent, caller);
    const text = declared.refusals?.[error.code];
    if (text === undefined) throw error;
    const next = declared.renewal?.(reading.words);
    // The link works, and its page in another language has it.
    return outcomeResponse(reading, { text, ...(next && { next }) }, error.status);
  }
}

async function submitted<L, F extends z.ZodType<{ readonly token?: string | undefined }>>(
  declared: LinkPage<L, F>,
  reading: Reading<L>,
  typed: z.output<F>,
  caller: Caller,
): Promise<PageResponse> {
  try {
    const outcome = await declared.act(typed, caller, reading);
    return 'kind' in outcome ? outcome : outcomeResponse(reading, outcome, 200);
  } catch (error) {
    const complaints = complaintsOf(error);
    if (complaints === undefined) throw error;
    return formResponse(declared, reading, { token: typed.token, typed, complaints });
  }
}

/** The sentences of a rejected form by field; undefined when the error is about anything else. */
function complaintsOf(error: unknown): Complaints | undefined {
  if (!(error instanceof Problem) || error.code !== 'validation_failed') return undefined;
  const byField = Map.groupBy(error.errors, ({ path }) => path.slice(1));
  return Object.fromEntries(
    [...byField].map(([name, errors]) => [name, errors.map(({ message }) => message).join(' ')]),
  );
}

async function formResponse<L, F extends z.ZodType<{ readonly token?: string | undefined }>>(
  declared: LinkPage<L, F>,
  reading: Reading<L>,
  sent: {
    readonly token: string | undefined;
    readonly typed?: z.output<F>;
    readonly complaints?: Complaints;
    readonly notice?: Html;
  },
): Promise<PageResponse> {
  const { words, say } = reading;
  const shown = await declared.form(reading, sent.complaints ?? {}, sent.typed);
  const { paragraphs, fields, buttons, otherWays, icon, beneath } = shown;
  const [lead, ...more] = paragraphs;
  const form = html`${sent.token !== undefined && hiddenField('token', sent.token)}
${fields}
${buttons === undefined ? button({ label: say('submit') }) : stack(...buttons)}`;
  const body = html`${sent.notice}${more.map(paragraph)}
${postForm(declared.path, form)}${otherWays}`;
  const status = sent.complaints === undefined ? 200 : 422;
  return { kind: 'html', status, html: page({ title: say('title'), lead, icon, words, body, beneath }) };
}

/** The outcomes after which the user can sign in. */
const afterwards: ReadonlySet<string> = new Set(['done', 'accepted']);

function signInLink({ say }: PageWords, continueTo?: string): Html {
  return stack(linkButton({ label: say('page.login.title'), path: withContinue(loginPath, continueTo) }));
}

function outcomeResponse(
  { words, say }: Pick<Reading<unknown>, 'words' | 'say'>,
  { text, title = `${text}_title`, next, continueTo, cookies }: Outcome,
  status: number,
): PageResponse {
  const body = html`${next}${afterwards.has(text) && signInLink(words, continueTo)}`;
  const look = status < 400 ? ({ icon: 'check', tone: 'good' } as const) : ({ icon: 'alert', tone: 'warn' } as const);
  const response = {
    kind: 'html',
    status,
    html: page({ title: say(title), lead: say(text), ...look, words, body }),
  } as const;
  return cookies === undefined ? response : { ...response, cookies };
}

function invalidLink(words: PageWords, say: Reading<unknown>['say'], renewal: Html = signInLink(words)): PageResponse {
  const body = html`${paragraph(say('invalid_link'))}${renewal}`;
  const title = words.say('page.invalid_link.title');
  const lead = words.say('page.invalid_link.why');
  return { kind: 'html', status: 400, html: page({ title, lead, icon: 'unlink', tone: 'warn', words, body }) };
}

function paragraph(text: string): Html {
  return html`<p>${text}</p>
`;
}
