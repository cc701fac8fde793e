/**
 * The handlers of pages. A form without a valid CSRF token changes nothing: the engine shows its page again, with a new
 * token.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { assert } from '#kernel/assert.ts';
import { Problem, type ProblemCode } from '#kernel/problem.ts';
import { noUse } from '#platform/rate-limit/index.ts';
import { authorizerOf } from '../admission/authorization.ts';
import { type OwnCookies, withCookies } from '../admission/cookies.ts';
import { refuseCrossSiteBrowser } from '../admission/cross-site.ts';
import { hasForm, withFormToken } from '../admission/form-slot.ts';
import { browserHashOf, formCookie, formTokenFor } from '../admission/form-tokens.ts';
import { formReader, pageQueryReader, sameQueryReader } from '../admission/input.ts';
import { countedHandler, counterOf } from '../admission/rate-limits.ts';
import type { Caller, PageEndpoint, PageResponse, Principal } from '../endpoint.ts';
import { type Headers, headersFor } from './headers.ts';
import type { Responder } from './responder.ts';

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

export function pageHandler(responder: Responder, endpoint: PageEndpoint): Handler {
  const handle = endpoint.method === 'GET' ? getHandler(responder, endpoint) : postHandler(responder, endpoint);
  const send = senderOf(responder, endpoint);
  return async (request, reply) => {
    try {
      await handle(request, reply);
    } catch (error) {
      const location = proofPathOf(responder, endpoint, error);
      if (location === undefined) throw error;
      send(request, reply, { kind: 'redirect', location });
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
  return async (request, reply) => {
    const visitor = await begin(request);
    send(request, reply, await run(request, visitor, { query: readQuery(request), body: undefined }));
  };
}

function postHandler(responder: Responder, endpoint: PageEndpoint): Handler {
  const send = senderOf(responder, endpoint);
  const begin = beginnerOf(responder, endpoint);
  const run = runnerOf(responder, endpoint);
  const readForm = formReader(endpoint);
  const showAgain = formPageOf(responder, endpoint);
  return async (request, reply) => {
    // Before the session: without one, the form of another site would be led to our sign-in page.
    refuseCrossSiteBrowser(request.headers, responder.publicOrigin);
    const visitor = await begin(request);
    const form = readForm(request, visitor.cookies.form);
    if (form.kind === 'foreign') await showAgain(request, reply, visitor, form.fields);
    else send(request, reply, await run(request, visitor, { query: undefined, body: form.body }));
  };
}

/** The sender of a page's request. */
interface Visitor {
  readonly cookies: OwnCookies;
  readonly caller: Caller;
  readonly principal: Principal | undefined;
}

/** Authorizes and counts the request of a page. */
function beginnerOf(responder: Responder, endpoint: PageEndpoint): (request: FastifyRequest) => Promise<Visitor> {
  const authorize = authorizerOf(responder, endpoint);
  const count = counterOf(responder, endpoint);
  return async (request) => {
    const cookies = responder.cookiesOf(request);
    const caller = {
      ...responder.callerOf(request, cookies),
      browserHash: browserHashOf(cookies.form),
      ...(endpoint.opensByTicket && { ticketCookie: cookies.ticket }),
    };
    const principal = await authorize(request, caller, cookies);
    count(request, caller, principal);
    return { cookies, caller, principal };
  };
}

/**
 * Shows the page of a form with a new form, for a tab that was open for longer than the browser kept the form cookie.
 * It counts as a request of that page. The values of the old form are not shown, since another site may have sent them.
 */
function formPageOf(responder: Responder, { path }: PageEndpoint) {
  const page = responder.options.endpoints.find(
    (other): other is PageEndpoint => other.kind === 'page' && other.method === 'GET' && other.path === path,
  );
  assert(page !== undefined, `the form of ${path} is shown at the same path`);
  const send = senderOf(responder, page);
  const count = counterOf(responder, page);
  const run = runnerOf(responder, page);
  const readQuery = sameQueryReader(page.request.query);
  return async (
    request: FastifyRequest,
    reply: FastifyReply,
    visitor: Visitor,
    fields: Readonly<Record<string, string>>,
  ): Promise<void> => {
    count(request, visitor.caller, visitor.principal);
    const response = await run(request, visitor, { query: readQuery(fields), body: undefined });
    const isShownAgain = response.kind === 'html' && hasForm(response.html);
    send(request, reply, isShownAgain ? { ...response, status: 403 } : response, isShownAgain);
  };
}

/** Runs the endpoint's own handler. */
function runnerOf(responder: Responder, endpoint: PageEndpoint) {
  const handle = countedHandler(responder, endpoint, endpoint.handler);
  return async (
    request: FastifyRequest,
    { caller, principal }: Visitor,
    { query, body }: { readonly query: unknown; readonly body: unknown },
  ): Promise<PageResponse> =>
    await handle(request, {
      body: body as never,
      query: query as never,
      params: undefined,
      principal: principal as never,
      caller,
      use: noUse,
    });
}

function senderOf(responder: Responder, endpoint: PageEndpoint) {
  const headers = headersFor(endpoint, responder.headerPolicy);
  return (request: FastifyRequest, reply: FastifyReply, response: PageResponse, isShownAgain = false): void => {
    if (response.kind === 'html') sendHtml(responder, headers, request, reply, response, isShownAgain);
    else responder.send(request, reply, 303, redirectHeaders(responder, headers, response), '');
  };
}

function redirectHeaders(
  responder: Responder,
  headers: Headers,
  response: Exclude<PageResponse, { readonly kind: 'html' }>,
): Headers {
  const located = { ...headers, location: locationOf(response) };
  return response.kind === 'redirect' ? withCookies(responder.cookies, located, response) : located;
}

function locationOf(response: Exclude<PageResponse, { readonly kind: 'html' }>): string {
  if (response.kind === 'leave') return response.to.href;
  assert(/^\/(?![/\\])[\x21-\x7e]*$/.test(response.location), 'a redirect leads to a path of ours');
  return response.location;
}

function sendHtml(
  responder: Responder,
  headers: Headers,
  request: FastifyRequest,
  reply: FastifyReply,
  response: Extract<PageResponse, { readonly kind: 'html' }>,
  isShownAgain: boolean,
): void {
  const { status, html, cookies = [], retryAfterSeconds } = response;
  const { write, writeForm } = responder.cookies;
  const seconds = retryAfterSeconds === undefined ? undefined : Math.max(1, Math.ceil(retryAfterSeconds));
  const all = seconds === undefined ? headers : { ...headers, 'retry-after': String(seconds) };
  if (!hasForm(html)) {
    responder.send(request, reply, status, withCookies(responder.cookies, all, { cookies }), html.toString());
    return;
  }
  const { value, isNew } = formCookie(responder.cookiesOf(request).form);
  const lines = [...cookies.flatMap(write), ...(isNew ? [writeForm(value)] : [])];
  const notice = isShownAgain ? responder.options.pages.formNotice(request.headers['accept-language']) : undefined;
  const body = withFormToken(html, formTokenFor(value), notice);
  responder.send(request, reply, status, lines.length === 0 ? all : { ...all, 'set-cookie': lines }, body);
}
