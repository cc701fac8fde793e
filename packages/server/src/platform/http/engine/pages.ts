/** Pages: a form that is not the browser's own is shown again, afresh, and does nothing. */
import { assert } from '#kernel/assert.ts';
import { noUse } from '#platform/rate-limit/index.ts';
import { authorizerOf } from '../admission/authorization.ts';
import { type OwnCookies, withCookies } from '../admission/cookies.ts';
import { hasForm, withFormToken } from '../admission/form-slot.ts';
import { formCookie, formTokenFor } from '../admission/form-tokens.ts';
import { formReader, queryReader, sameQueryReader } from '../admission/input.ts';
import { countedHandler, counterOf } from '../admission/limits.ts';
import type { Caller, PageEndpoint, PageResponse, Principal } from '../endpoint.ts';
import type { IncomingRequest, Reply } from './exchange.ts';
import { type HeaderList, headerList, headersFor } from './headers.ts';
import type { Responder } from './responder.ts';

type Respond = (request: IncomingRequest, reply: Reply) => Promise<void>;

/** Answers what a page is asked, by its own handler. */
type Ask = (
  request: IncomingRequest,
  visitor: Visitor,
  given: { readonly query: unknown; readonly body: unknown },
) => Promise<PageResponse>;

/** The responder of a page. */
export function pageResponder(transport: Responder, endpoint: PageEndpoint): Respond {
  return endpoint.method === 'GET' ? shownBy(transport, endpoint) : sentTo(transport, endpoint);
}

function shownBy(transport: Responder, endpoint: PageEndpoint): Respond {
  const send = senderOf(transport, endpoint);
  const begin = beginnerOf(transport, endpoint);
  const ask = askerOf(transport, endpoint);
  const readQuery = queryReader(endpoint.request.query, 'page');
  return async (request, reply) => {
    const visitor = await begin(request);
    send(request, reply, await ask(request, visitor, { query: readQuery(request), body: undefined }));
  };
}

function sentTo(transport: Responder, endpoint: PageEndpoint): Respond {
  const send = senderOf(transport, endpoint);
  const begin = beginnerOf(transport, endpoint);
  const ask = askerOf(transport, endpoint);
  const readForm = formReader(endpoint, transport);
  const showAgain = showerOf(transport, endpoint);
  return async (request, reply) => {
    const visitor = await begin(request);
    const form = readForm(request, visitor.cookies.form);
    if (form.kind === 'foreign') await showAgain(request, reply, visitor, form.fields);
    else send(request, reply, await ask(request, visitor, { query: undefined, body: form.body }));
  };
}

/** The sender of a page's request. */
interface Visitor {
  readonly cookies: OwnCookies;
  readonly caller: Caller;
  readonly principal: Principal | undefined;
}

/**
 * Authorizes and counts the request of a page. One that needs a session and gets none ends here with the problem page
 * `not_authenticated`, since there is no page to sign in on.
 */
function beginnerOf(transport: Responder, endpoint: PageEndpoint): (request: IncomingRequest) => Promise<Visitor> {
  const authorize = authorizerOf(transport, endpoint);
  const count = counterOf(transport, endpoint);
  return async (request) => {
    const cookies = transport.cookiesOf(request);
    const caller = transport.callerOf(request, cookies);
    const principal = await authorize(request, caller, cookies);
    count(request, caller, principal);
    return { cookies, caller, principal };
  };
}

/**
 * The page that a form stands on, with a new one: for whoever kept a tab open for longer than the browser kept the
 * cookie. It is counted as if it had been asked for, and what was typed is not shown again: it may be a stranger's.
 */
function showerOf(transport: Responder, { path }: PageEndpoint) {
  const page = transport.options.endpoints.find(
    (other): other is PageEndpoint => other.kind === 'page' && other.method === 'GET' && other.path === path,
  );
  assert(page !== undefined, `the form of ${path} is shown there`);
  const send = senderOf(transport, page);
  const count = counterOf(transport, page);
  const ask = askerOf(transport, page);
  const readQuery = sameQueryReader(page.request.query);
  return async (request: IncomingRequest, reply: Reply, visitor: Visitor, fields: Readonly<Record<string, string>>) => {
    count(request, visitor.caller, visitor.principal);
    const answer = await ask(request, visitor, { query: readQuery(fields), body: undefined });
    const isAgain = answer.kind === 'html' && hasForm(answer.html);
    send(request, reply, isAgain ? { ...answer, status: 403 } : answer, isAgain);
  };
}

function askerOf(transport: Responder, endpoint: PageEndpoint): Ask {
  const handle = countedHandler(transport, endpoint, endpoint.handler);
  return async (request, { caller, principal }, { query, body }) =>
    await handle(request, {
      body: body as never,
      query: query as never,
      params: undefined,
      principal: principal as never,
      caller,
      use: noUse,
    });
}

function senderOf(transport: Responder, endpoint: PageEndpoint) {
  const headers = headerList(headersFor(endpoint, transport.headerPolicy));
  return (request: IncomingRequest, reply: Reply, answer: PageResponse, isAgain = false): void => {
    if (answer.kind === 'html') sendHtml(transport, headers, request, reply, answer, isAgain);
    else transport.answer(request, reply, 303, [...headers, 'location', locationOf(answer)], '');
  };
}

function locationOf(answer: Exclude<PageResponse, { readonly kind: 'html' }>): string {
  if (answer.kind === 'leave') return answer.to.href;
  assert(/^\/(?![/\\])[\x21-\x7e]*$/.test(answer.location), 'a redirect leads to a path of ours');
  return answer.location;
}

function sendHtml(
  transport: Responder,
  headers: HeaderList,
  request: IncomingRequest,
  reply: Reply,
  answer: Extract<PageResponse, { readonly kind: 'html' }>,
  isAgain: boolean,
): void {
  const { status, html, cookies } = answer;
  const all = withCookies(transport.cookies, headers, cookies === undefined ? {} : { cookies });
  if (!hasForm(html)) {
    transport.answer(request, reply, status, all, html.toString());
    return;
  }
  const { value, isNew } = formCookie(transport.cookiesOf(request).form);
  const cookie = isNew ? ['set-cookie', transport.cookies.writeForm(value)] : [];
  const notice = isAgain ? transport.options.pages.formNotice(request.raw.headers['accept-language']) : undefined;
  const body = withFormToken(html, formTokenFor(value), notice);
  transport.answer(request, reply, status, [...all, ...cookie], body);
}
