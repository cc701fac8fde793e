/**
 * The handlers of pages. A form without a valid CSRF token changes nothing: the engine shows its page again, with a new
 * token.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import type { Html } from '#platform/html/index.ts';
import { noUse } from '#platform/rate-limit/index.ts';
import { authorizerOf } from '../admission/authorization.ts';
import { readKnownPairs } from '../admission/body.ts';
import { languageCookie } from '../admission/chosen-language.ts';
import { type OwnCookies, withCookies } from '../admission/cookies.ts';
import { refuseCrossSiteBrowser } from '../admission/cross-site.ts';
import { hasForm, withFormToken } from '../admission/form-slot.ts';
import { browserHashOf, formCookie, formTokenFor } from '../admission/form-tokens.ts';
import {
  formReader,
  namesOfQuery,
  pageQueryReader,
  paramsReader,
  queryOf,
  type SentForm,
  sameQueryReader,
} from '../admission/input.ts';
import { keptQuery } from '../admission/kept-query.ts';
import { countedHandler, counterOf } from '../admission/rate-limits.ts';
import type { Caller, CookieChange, Leave, PageEndpoint, PageResponse, Principal } from '../endpoint.ts';
import { type Headers, headersFor } from './headers.ts';
import { PublicContent } from './public-content.ts';
import { refusedFormOf } from './refused-form.ts';
import type { Responder } from './responder.ts';
import type { FormNotice } from './server-options.ts';

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export function pageHandler(responder: Responder, endpoint: PageEndpoint): Handler {
  const handle = endpoint.method === 'GET' ? getHandler(responder, endpoint) : postHandler(responder, endpoint);
  const send = senderOf(responder, endpoint);
  const names = namesOfQuery(pageOfForm(responder, endpoint).request.query);
  return async (request, reply) => {
    try {
      await handle(request, reply);
    } catch (error) {
      const location = proofPathOf(responder, endpoint, error);
      if (location === undefined) {
        responder.exchanges.of(request).ownQuery = keptQuery(request, names, responder.problemOf(error));
        throw error;
      }
      await send(request, reply, { kind: 'redirect', location });
    }
  };
}

/**
 * The page that proves what the request lacks; undefined for any other error. It leads back to the page without its query,
 * which may contain what must not be repeated, and from a form to the page that shows it: what was typed is lost.
 */
function proofPathOf({ options }: Responder, { path }: PageEndpoint, error: unknown): `/${string}` | undefined {
  const needed = error instanceof Problem ? proofs[error.code] : undefined;
  return needed && options.pages.proofPath(needed, path);
}

const proofs: Partial<Readonly<Record<ProblemCode, 'session' | 'step_up'>>> = {
  not_authenticated: 'session',
  step_up_required: 'step_up',
};

function getHandler(responder: Responder, endpoint: PageEndpoint): Handler {
  const send = senderOf(responder, endpoint);
  const begin = beginnerOf(responder, endpoint);
  const run = runnerOf(responder, endpoint);
  const readQuery = pageQueryReader(endpoint.request.query);
  const names = namesOfQuery(endpoint.request.query);
  return async (request, reply) => {
    const visitor = await begin(request);
    const query = readQuery(request);
    const ownQuery = readKnownPairs(queryOf(request), names);
    await send(request, reply, await run(request, visitor, { query, body: undefined, ownQuery }));
  };
}

function postHandler(responder: Responder, endpoint: PageEndpoint): Handler {
  const send = senderOf(responder, endpoint);
  const identify = identifierOf(responder, endpoint);
  const count = counterOf(responder, endpoint);
  const run = runnerOf(responder, endpoint);
  const readForm = formReader(endpoint);
  const names = namesOfQuery(pageOfForm(responder, endpoint).request.query);
  const showAgain = formPageOf(responder, endpoint);
  const showRefused = refusedFormOf(responder, endpoint);
  return async (request, reply) => {
    // Before the session: without one, the form of another site would be led to our sign-in page.
    if (endpoint.foreignForm !== true) refuseCrossSiteBrowser(request.headers, responder.publicOrigin);
    const visitor = await identify(request);
    try {
      count(request, visitor.caller, visitor.principal);
      const form = readForm(request, visitor.cookies.form);
      if (form.kind === 'foreign') return await showAgain(request, reply, visitor, form);
      const ownQuery = pick(form.body, names);
      await send(request, reply, await run(request, visitor, { query: undefined, body: form.body, ownQuery }));
    } catch (error) {
      const form = readable(() => readForm(request, visitor.cookies.form));
      if (form?.kind !== 'own') throw error;
      const caller = { ...visitor.caller, ownQuery: pick(form.body, names) };
      const shown = await showRefused(error, { request, caller, principal: visitor.principal, form });
      if (shown === undefined) throw error;
      await send(request, reply, shown);
    }
  };
}

/** Undefined for a form that is rejected for itself. */
function readable(read: () => SentForm): SentForm | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** The sender of a page's request. */
interface Visitor {
  readonly cookies: OwnCookies;
  readonly caller: Caller;
  readonly principal: Principal | undefined;
}

/** Authorizes and counts the request of a page. */
function beginnerOf(responder: Responder, endpoint: PageEndpoint): (request: FastifyRequest) => Promise<Visitor> {
  const identify = identifierOf(responder, endpoint);
  const count = counterOf(responder, endpoint);
  return async (request) => {
    const visitor = await identify(request);
    count(request, visitor.caller, visitor.principal);
    return visitor;
  };
}

/** Authorizes the request of a page. */
function identifierOf(responder: Responder, endpoint: PageEndpoint): (request: FastifyRequest) => Promise<Visitor> {
  const authorize = authorizerOf(responder, endpoint);
  return async (request) => {
    const cookies = responder.cookiesOf(request);
    const { acceptLanguage, chosenLanguage } = responder.readerOf(request, cookies);
    const caller = {
      ...responder.callerOf(request, cookies),
      acceptLanguage,
      chosenLanguage,
      browserHash: browserHashOf(cookies.form),
      ...(endpoint.opensByTicket && { ticketCookie: cookies.ticket }),
    };
    const principal = await authorize(request, caller, cookies);
    return { cookies, caller, principal };
  };
}

/**
 * Shows the page of a form with a new form, for a tab that was open for longer than the browser kept the form cookie.
 * It counts as a request of that page. The values of the old form are not shown, since another site may have sent them.
 */
function formPageOf(responder: Responder, endpoint: PageEndpoint) {
  const page = pageOfForm(responder, endpoint);
  const send = senderOf(responder, page);
  const count = counterOf(responder, page);
  const run = runnerOf(responder, page);
  const readQuery = sameQueryReader(page.request.query);
  const names = namesOfQuery(page.request.query);
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    visitor: Visitor,
    { fields, refusesCookies }: Extract<SentForm, { readonly kind: 'foreign' }>,
  ): Promise<void> => {
    count(request, visitor.caller, visitor.principal);
    const query = readQuery(fields);
    const response = await run(request, visitor, { query, body: undefined, ownQuery: pick(fields, names) });
    const isShownAgain = response.kind === 'html' && hasForm(response.html);
    const reason = refusesCookies ? 'cookies_refused' : 'shown_again';
    if (isShownAgain) await send(request, reply, { ...response, status: 403 }, reason);
    else await send(request, reply, response);
  };
}

function pageOfForm({ options }: Responder, { path, shownAt = path }: PageEndpoint): PageEndpoint {
  const page = options.endpoints.find(
    (other): other is PageEndpoint => other.kind === 'page' && other.method === 'GET' && other.path === shownAt,
  );
  assert(page !== undefined, `the form of ${path} is shown at ${shownAt}`);
  return page;
}

/** The query of the page that a form belongs to: its values are fields of the form. */
function pick(fields: unknown, names: ReadonlySet<string>): Readonly<Record<string, string>> {
  const entries = Object.entries((fields ?? {}) as object);
  return Object.fromEntries(entries.filter(([name, value]) => names.has(name) && typeof value === 'string'));
}

/** Runs the endpoint's own handler. */
function runnerOf(responder: Responder, endpoint: PageEndpoint) {
  const handle = countedHandler(responder, endpoint, endpoint.handler);
  const readParams = paramsReader(endpoint.request.params);
  return async (
    request: FastifyRequest,
    { caller, principal }: Visitor,
    {
      query,
      body,
      ownQuery,
    }: { readonly query: unknown; readonly body: unknown; readonly ownQuery: Readonly<Record<string, string>> },
  ): Promise<PageResponse | Leave> =>
    await handle(request, {
      body: body as never,
      query: query as never,
      params: readParams(request) as never,
      principal: principal as never,
      caller: { ...caller, ownQuery },
      use: noUse,
    });
}

function senderOf(responder: Responder, endpoint: PageEndpoint) {
  const headers = headersFor(endpoint, responder.headerPolicy);
  const content = endpoint.isStatic && new PublicContent({ hasValidator: false });
  return (
    request: FastifyRequest,
    reply: FastifyReply,
    response: PageResponse | Leave,
    reason?: FormNotice,
  ): Promise<void> | undefined => {
    const reader = responder.readerOf(request, responder.cookiesOf(request));
    const cookies = [...cookiesOf(response), ...keptChoice(responder, reader)];
    responder.tickets.note(cookies);
    if (response.kind === 'html' && content !== undefined && cookies.length === 0)
      return content.send(responder, request, reply, { headers, body: response.html.toString() });
    if (response.kind === 'html') {
      const notice = reason && responder.options.pages.formNotice(reader, reason);
      sendHtml(responder, request, reply, { ...response, headers, cookies, notice });
      return undefined;
    }
    const located = { ...headers, location: locationOf(response) };
    responder.send(request, reply, 303, withCookies(responder.cookies, located, { cookies }), '');
    return undefined;
  };
}

function cookiesOf(response: PageResponse | Leave): readonly CookieChange[] {
  return response.kind === 'leave' ? [] : (response.cookies ?? []);
}

/** A language in the address is kept for the next page. */
function keptChoice({ options }: Responder, reader: ReturnType<Responder['readerOf']>): readonly CookieChange[] {
  const { chosenLanguage, isNewChoice } = reader;
  return isNewChoice && chosenLanguage !== undefined ? [languageCookie(chosenLanguage, options.clock.now())] : [];
}

function locationOf(response: Exclude<PageResponse, { readonly kind: 'html' }> | Leave): string {
  if (response.kind === 'leave') return response.to.href;
  assert(/^\/(?![/\\])[\x21-\x7e]*$/.test(response.location), 'a redirect leads to a path of ours');
  return response.location;
}

interface SentPage extends Extract<PageResponse, { readonly kind: 'html' }> {
  readonly headers: Headers;
  readonly cookies: readonly CookieChange[];
  /** Above the fields of a form that is shown again. */
  readonly notice: Html | undefined;
}

function sendHtml(responder: Responder, request: FastifyRequest, reply: FastifyReply, page: SentPage): void {
  const { status, html, headers, cookies, notice, retryAfterSeconds } = page;
  const seconds = retryAfterSeconds === undefined ? undefined : Math.max(1, Math.ceil(retryAfterSeconds));
  const all = seconds === undefined ? headers : { ...headers, 'retry-after': String(seconds) };
  if (!hasForm(html)) {
    responder.send(request, reply, status, withCookies(responder.cookies, all, { cookies }), html.toString());
    return;
  }
  const { write, writeForm } = responder.cookies;
  const { value, isNew } = formCookie(responder.cookiesOf(request).form);
  const lines = [...cookies.flatMap(write), ...(isNew ? [writeForm(value)] : [])];
  const body = withFormToken(html, formTokenFor(value), notice);
  responder.send(request, reply, status, lines.length === 0 ? all : { ...all, 'set-cookie': lines }, body);
}
